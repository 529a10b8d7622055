// An OpenID Connect provider on npm oidc-provider. Whoever the login hint names
// is signed in. POST /rotate starts to sign with another key.
// Environment: ISSUER, CALLBACK, LOGOUT (where the application hears of logouts).
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

const { ISSUER, CALLBACK, LOGOUT } = process.env;
const { hostname, port } = new URL(ISSUER);
const keys = [];

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  keys.unshift({ ...privateKey.export({ format: 'jwk' }), kid: `key-${keys.length}`, alg: 'RS256', use: 'sig' });
}

function newProvider() {
  const provider = new Provider(ISSUER, {
    clients: [{
      client_id: 'app', client_secret: 'app-secret', redirect_uris: [CALLBACK],
      grant_types: ['authorization_code'], response_types: ['code'],
      backchannel_logout_uri: LOGOUT, backchannel_logout_session_required: true,
    }],
    jwks: { keys },
    cookies: { keys: ['cookies'] },
    pkce: { required: () => false },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      introspection: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    // By default it does not call addresses of this machine.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  });
  provider.on('server_error', (_, err) => console.error(err));
  provider.on('backchannel.success', () => console.log('backchannel: told'));
  provider.on('backchannel.error', (_, err) => console.log('backchannel:', err.message, err.cause?.message ?? ''));
  return provider;
}

async function interact(provider, request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: params.login_hint } });
    return;
  }
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope('openid');
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

newKey();
let provider = newProvider();
createServer((request, response) => {
  if (request.url === '/rotate') {
    newKey();
    provider = newProvider();
    response.end();
  } else if (request.url.startsWith('/interaction/')) {
    interact(provider, request, response).catch((err) => {
      console.error(err);
      response.statusCode = 500;
      response.end();
    });
  } else {
    provider.callback()(request, response);
  }
}).listen(port, hostname, () => console.log(`provider listens on ${ISSUER}`));
