// What each reason of a refusal means, in plain words. docs/errors.md lists all reasons; one without a text of its own
// here has the title of its family and the server's own words.

import { sentence, words } from '../parts/trace/rungs'
import type { Step } from '../parts/trace/types'

export interface Reason {
  title: string
  /** {expected} and {got} stand for the values of the check that decided */
  why: string
  /** the words of the button to the thing to change; {add} stands for the value to add */
  action: string
  /** what to change: the server's advice as a sentence */
  advice: string
}

type Row = [title: string, why: string, action?: string]

const texts: Record<string, Row> = {
  'origin-of-the-request': ['A web page of another origin called', 'Expected {expected}; the page is {got}.'],
  'origin-of-the-request-listed': ['A web page of another origin called', 'Expected {expected}; the page is {got}.'],
  'client-left': ['The client left before the answer', 'The connection was closed before the call was done.'],
  'operation-unknown': ['There is no such operation', 'Expected {expected}; got {got}.'],
  'request-signature-missing': [
    'The call is not signed',
    'The operation needs a signed call, and this call has no signature.',
  ],
  'input-missing': ['A member of the input is missing', 'Expected {expected}; got {got}.'],
  'input-constraint': ['A member of the input is out of bounds', 'Expected {expected}; got {got}.'],
  'database-unavailable': ['The database did not answer', 'Expected {expected}; got {got}.'],
  'server-fault': ['The server had a fault', 'The log of the server has the cause.'],
  'signed-body-changed': [
    'The body of the call was changed',
    'The call arrived with {got}. Something on the way may have changed it.',
  ],
  'signature-time-expired': [
    'The signature of the call is too old',
    'Expected {expected}; got {got}. One of the two clocks may be wrong.',
  ],
  'signature-time-future': [
    'The signature of the call is from the future',
    'Expected {expected}; got {got}. One of the two clocks is wrong.',
  ],
  'credential-scope-service': [
    'The call was signed for another service',
    'Expected {expected}; the call is for {got}.',
  ],
  'credential-scope-region': ['The call was signed for something that is no region', 'Expected {expected}; got {got}.'],
  'access-key-unknown': ['The access key is unknown', 'The call is signed with {got}.'],
  'access-key-unknown-development': [
    'The access key is unknown',
    'The call is signed with {got}. A development server knows the key test.',
  ],
  'access-key-of-development': ['The development key does not work here', 'Expected {expected}; got {got}.'],
  'access-key-secret': [
    'A secret stands in place of the access key ID',
    'Expected {expected}; got {got}. Replace the key if others may have seen the call.',
  ],
  'access-key-disabled': [
    'The access key is disabled',
    'Expected {expected}; the call is signed with {got}.',
    'Enable the access key',
  ],
  'access-key-without-token': ['The session token is missing', 'Expected {expected}; the call has {got}.'],
  'session-token-invalid': ['The session token does not belong to the key', 'Expected {expected}; got {got}.'],
  'session-token-unasked': ['A session token came with a long-lived key', 'Expected {expected}; the call has {got}.'],
  'session-token-expired': ['The credentials have expired', 'Expected {expected}; this is {got}.'],
  'session-token-key': ['The key behind the session does not work any more', 'Expected {expected}; got {got}.'],
  'request-signature-mismatch': [
    'The signature of the call is wrong',
    'Expected {expected}; got {got}.',
    'Open the access key',
  ],
  'request-signature-mismatch-development': ['The signature of the call is wrong', 'Expected {expected}; got {got}.'],
  'request-signature-mismatch-session': ['The signature of the call is wrong', 'Expected {expected}; got {got}.'],
  'session-token-session-key': ['The credentials are of a retired key', 'Expected {expected}; got {got}.'],
  revocation: ['The credentials were ended', 'Expected {expected}; got {got}.'],
  'policies-deny': ['A policy denies this call', 'Found {got}. A Deny wins over every Allow.', 'Open the policies'],
  'policies-key-deny': ["The access key's policy denies this call", 'Found {got}.', 'Open the access key'],
  'policies-key-none': [
    'The access key may not make this call',
    'Expected {expected}; there is {got}.',
    'Open the access key',
  ],
  'policies-none': ['No policy allows this call', 'Expected {expected}; there is {got}.', 'Open the policies'],
  'policies-none-resource': [
    'The policies allow this call on other resources',
    'Expected {expected}; there is {got}.',
    'Open the policies',
  ],
  'policies-boundary': [
    'The permissions boundary does not allow this call',
    'Expected {expected}; got {got}.',
    'Open the boundary',
  ],
  'policies-session': ['The session policy does not allow this call', 'Expected {expected}; got {got}.'],
  'policies-session-guest': ['Guests may not make this call', 'Expected {expected}; got {got}.'],
  'policies-account': ['The call is about another account', 'Expected {expected}; got {got}.'],
  'account-call-rate': ['Too many calls', 'The account may make {expected}; {got}.'],
  'guest-rate': ['Too many new guests from one address', 'The server accepts {expected}; {got}.'],
  'refused-login-rate': ['Too many bad logins from one address', 'The server accepts {expected}; there were {got}.'],
  'login-provider-none': [
    'The pool has no login providers',
    'The login names {got}, and this pool accepts no logins at all.',
    'Add the provider to the pool',
  ],
  'login-provider': [
    'The pool does not accept this provider',
    'The login names {got}. The pool accepts {expected}.',
    'Add the provider to the pool',
  ],
  'login-provider-spelling': [
    'The login key is misspelled',
    'The login key is {got}. The pool has the provider {expected}.',
  ],
  'login-provider-two-names': [
    'The provider has two names in this pool',
    'One provider must have one name. Found: {got}.',
    "Open the pool's providers",
  ],
  'login-provider-form': [
    "The login key is not a provider's name",
    'The login key is {got}. The pool accepts {expected}.',
  ],
  'login-provider-unsupported': [
    'Logins of this provider cannot be verified',
    'This version cannot verify logins of {got}.',
  ],
  'login-provider-ended': [
    "This provider's service has ended",
    'Logins of {got} cannot be verified any more.',
    "Open the pool's providers",
  ],
  'openid-connect-provider-registration': [
    'The pool names a provider that is not registered',
    'The pool names {got}.',
    'Register the provider',
  ],
  'saml-provider-registration': [
    'The pool names a SAML provider that is not registered',
    'The pool names {got}.',
    'Register the provider',
  ],
  'token-form-key': ['The value is not an ID token', 'Expected {expected}; the app sent {got}.'],
  'token-claims-issuer': ['The token names no issuer', 'Every ID token has the claim iss. This token has none.'],
  'token-issuer-key': [
    'The token stands under the wrong login key',
    'The token names the issuer {got}. Expected under this key: {expected}.',
  ],
  'token-issuer-names': ['The token comes from another issuer', 'The token names {got}. Expected: {expected}.'],
  'token-issuer-pool': [
    "The pool does not accept the token's issuer",
    'The token names the issuer {got}. Expected: {expected}.',
    'Add the issuer to the pool',
  ],
  'token-issuer-no-providers': [
    'The pool has no login providers',
    'The token names the issuer {got}, and this pool accepts no logins at all.',
    'Add the issuer to the pool',
  ],
  'token-claims': ["The token's claims cannot be read", 'The claims have a fault: {got}.'],
  'token-claims-missing': ['The token lacks a claim', 'Every ID token has {expected}. Access tokens often lack it.'],
  'token-issuer': [
    'The token comes from another issuer',
    'The token names the issuer {got}. Under this login key the server expects {expected}.',
  ],
  'token-issuer-path': ['The token comes from another realm or tenant', 'The token names {got}. Expected: {expected}.'],
  'token-issuer-spelling': [
    'The issuer is registered in another spelling',
    'The token writes {got}. Registered is {expected}.',
    'Register the issuer as the token writes it',
  ],
  'token-times-future': [
    'The token is from the future',
    'The server expects {expected}; the token has {got}. One of the two clocks is wrong.',
  ],
  'token-expiry': ['The token has expired', 'The server accepts tokens that expire {expected}. This one {got}.'],
  'token-subject': ["The token's user ID cannot be used", 'The token has the subject {got}. Expected: {expected}.'],
  'token-audience': [
    'The token was made for another client',
    'The token is for {got}. The server accepts {expected}.',
    'Add {add} to the provider',
  ],
  'token-audience-list': [
    'The token was made for several clients',
    'The token is for {got}. The server accepts {expected}.',
    'Add {add} to the provider',
  ],
  'token-authorized-party': [
    'The token was made for another client',
    'The token was given to {got}. The server accepts {expected}.',
    'Add {add} to the provider',
  ],
  'token-audience-development': [
    'The token was made for another client',
    'The token is for {got}. The development issuer accepts {expected}.',
  ],
  'token-authorized-party-development': [
    'The token was made for another client',
    'The token was given to {got}. The development issuer accepts {expected}.',
  ],
  'token-use': [
    'The app sent the wrong token',
    "The server expects a token whose use is {expected}; this one's is {got}.",
  ],
  'required-claim': ['The token lacks a required claim', 'Expected {expected}; got {got}.'],
  'token-form-size': ['The token is too long', 'The token has {got}; the server reads {expected}.'],
  'token-form-encrypted': ['The token is encrypted', 'The app sent {got}. Only signed tokens can be verified.'],
  'token-form-parts': [
    'The value is not an ID token',
    'The app sent {got}. An ID token has three parts joined by dots.',
  ],
  'token-form-unsigned': ['The token is not signed', 'The app sent a token with {got}. Unsigned tokens prove nothing.'],
  'token-header': ["The token's header cannot be read", 'The header has a fault: {got}.'],
  'token-type': ['The app sent another kind of token', 'Expected {expected}; got {got}.'],
  'signature-algorithm': [
    'The token is signed with another algorithm',
    'The token uses {got}. The server accepts {expected}.',
  ],
  'key-id': ['The token names a key that cannot exist', 'The key ID is {got}.'],
  'provider-keys': ["The provider's keys cannot be read", 'The server needs {expected} to verify the token: {got}.'],
  'signing-key-unknown': [
    'The token is signed with an unknown key',
    'The token names {got}. The provider does not publish that key.',
  ],
  'signing-key-former': ['The token is signed with a former key', 'The token names {got}. Expected: {expected}.'],
  'token-signature': [
    "The token's signature is wrong",
    'The token was changed on the way, or somebody else signed it.',
  ],
  'saml-encryption': ['The SAML assertion is encrypted', 'Expected {expected}; got {got}.'],
  'saml-signature': [
    'The SAML signature is wrong',
    'Expected {expected}; got {got}. The certificate of the identity provider may have changed.',
    "Renew the provider's metadata",
  ],
  'saml-issuer': [
    'The SAML response comes from another identity provider',
    'The response names {got}. Registered is {expected}.',
  ],
  'saml-recipient': ['The SAML response is for another address', 'The response is for {got}. Accepted: {expected}.'],
  'saml-validity-end': ['The SAML response has expired', 'Expected {expected}; it was {got}.'],
  'saml-audience': ['The SAML response is for another application', 'The response is for {got}. Accepted: {expected}.'],
  'sign-out-session': ['The user was signed out', 'The session of this token was ended, so the token counts no more.'],
  'sign-out': ['The user was signed out', 'This token is of {got}.'],
  'serversidetokencheck-local-signed-out': [
    'The user was signed out',
    'The user pool has ended the sessions of this user.',
  ],
  'serversidetokencheck-local-disabled': ['The user is disabled', 'The user pool does not let this user sign in.'],
  'serversidetokencheck-local-deleted': ['The user was deleted', 'The user pool does not have this user any more.'],
  'serversidetokencheck-unanswered': [
    'The user pool did not answer',
    'The server must ask the user pool at each sign-in, and got {got}.',
  ],
  'serversidetokencheck-disabled': ['The user is disabled', 'The user pool does not let this user sign in.'],
  'identity-disabled': ['The identity is disabled', 'Expected {expected}; this is {got}.'],
  'identity-no-login': ['The identity needs a login', 'The identity belongs to a user, and the call has no login.'],
  'linked-logins': ['The login belongs to another identity', 'Expected {expected}; the call has {got}.'],
  'linked-logins-none': ['The identity has no linked logins', 'Expected {expected}; got {got}.'],
  'linked-logins-guest': ["The identity is a guest's", "A guest's identity never had a login."],
  'default-role': ['The pool has no role for this user', 'Expected {expected}; the pool has {got}.', 'Choose a role'],
  'role-mapping-several': ['The logins lead to several roles', 'Expected {expected}; got {got}.'],
  'role-mapping-no-role': ['No role rule matches this user', 'Expected {expected}; got {got}.', 'Open the role rules'],
  'role-claims-preferred': ["The preferred role is not among the user's roles", 'Expected {expected}; got {got}.'],
  'saml-roles-several': ['The SAML assertion offers several roles', 'The app must choose one of them. Offered: {got}.'],
  'customrolearn-default': [
    'The app may not choose a role here',
    'Expected {expected}; got {got}.',
    'Open the role rules',
  ],
  'customrolearn-token': [
    'The token does not offer the role that the app chose',
    'The app chose {got}. Expected: {expected}.',
  ],
  'customrolearn-rules': [
    'No rule gives the role that the app chose',
    'The app chose {got}. Expected: {expected}.',
    'Open the role rules',
  ],
  'guest-access-token': [
    'The pool does not let guests in any more',
    "The token is a guest's, and guest access was turned off since.",
    'Open guest access of the pool',
  ],
  'classic-flow': [
    'The pool does not allow the classic flow',
    'AllowClassicFlow of the pool is off.',
    'Open the flow settings of the pool',
  ],
  'classic-flow-role-mappings': [
    'The classic flow is closed by role mappings',
    'Expected {expected}; got {got}.',
    'Open the roles of the pool',
  ],
  'principal-tag-value': [
    'A claim cannot become a principal tag',
    'Expected {expected}; got {got}.',
    'Open the principal tags',
  ],
  'identity-pool': ['There is no such pool', 'Expected {expected}; there is {got}.'],
  'identity-pool-region': ['The call was signed for another region', 'Expected {expected}; the call has {got}.'],
  'identity-pool-public': [
    'There is no such pool',
    'The ID names no pool of this server. The pool may have been deleted.',
  ],
  'identity-pool-deleted': ['The pool was deleted', 'The pool was deleted while the call ran.'],
  'identity-region': ['The call was signed for another region', 'Expected {expected}; the call has {got}.'],
  'identity-unknown-signed': ['There is no such identity', 'Expected {expected}; there is {got}.'],
  'identity-unknown': ['There is no such identity', 'The app stored an identity ID that this server does not have.'],
  'guest-access': [
    'The pool does not let guests in',
    'The call has no login, and guest access of the pool is off.',
    'Open guest access of the pool',
  ],
  'guest-access-developer': [
    'The pool does not let guests in',
    'The call has no login, and only your own backend can sign users in to this pool.',
    'Open guest access of the pool',
  ],
  'guest-access-only': [
    'The pool lets nobody in',
    'The pool has no login providers, and guest access is off.',
    'Open guest access of the pool',
  ],
  'classic-flow-closed': [
    'The classic flow is closed',
    'The pool has role mappings, and those close the classic flow.',
    'Open the flow settings of the pool',
  ],
  'own-token-expired': ["The backend's token has expired", 'Expected {expected}; the app sent {got}.'],
  'own-token-signature': ["The backend's token is not from this server", 'Expected {expected}; got {got}.'],
  'own-token-identity': ["The backend's token is for another identity", 'Expected {expected}; the app sent {got}.'],
  'developer-provider-unset': [
    'The pool has no developer provider',
    'Expected {expected}; this is {got}.',
    'Name the developer provider',
  ],
  'developer-provider-missing': ['The login is not of the developer provider', 'Expected {expected}; got {got}.'],
  'role-missing-of-pool': [
    "The pool's role does not exist",
    'The pool names the role {got}, and IAM has no such role.',
    'Make the role',
  ],
  'role-account': [
    'The role is in another account',
    'Expected {expected}; the role is in {got}.',
    'Open the roles of the pool',
  ],
  'trust-policy-missing': ['The role trusts nobody', 'The role has no trust policy.', 'Open the trust policy'],
  'trust-policy-fault': [
    "The role's trust policy has a fault",
    '{got}. Expected: {expected}.',
    'Open the trust policy',
  ],
  'trust-policy-deny': [
    "The role's trust policy denies this user",
    'Found {got}. A Deny wins over every Allow.',
    'Open the trust policy',
  ],
  'trust-policy-empty-pool': ['The role trusts nobody', 'The trust policy has {got}.', 'Open the trust policy'],
  'trust-policy-principal-pool': [
    'The role does not trust identity pools',
    'Expected {expected}. Found {got}.',
    'Open the trust policy',
  ],
  'trust-policy-action-principal-tags': [
    'The role does not let tags in',
    'Expected {expected}; {got}.',
    'Open the trust policy',
  ],
  'trust-policy-condition-pool': [
    'The role trusts another pool',
    'Expected {expected}; the call has {got}.',
    'Open the trust policy',
  ],
  'trust-policy-condition-guest': [
    'The role is not for guests',
    'Expected {expected}; the call has {got}.',
    'Open the trust policy',
  ],
  'trust-policy-condition-amr': [
    'The role does not accept this way of signing in',
    'Expected {expected}; the call has {got}.',
    'Open the trust policy',
  ],
  'trust-policy-condition-identity': [
    'The role is for other identities',
    'Expected {expected}; the call has {got}.',
    'Open the trust policy',
  ],
  'trust-policy-condition': [
    'A condition of the trust policy does not hold',
    'Expected {expected}; the call has {got}.',
    'Open the trust policy',
  ],
  'role-missing': ['The role does not exist', 'The call names {got}, and IAM has no such role.', 'Make the role'],
  'token-expiry-own': ['The token has expired', 'The token {got}. Tokens of GetOpenIdToken are valid for 10 minutes.'],
  'token-signature-retired': ["The token's signing key is retired", 'Expected {expected}; got {got}.'],
  'token-signature-own': ['The token is not from this server', 'Expected {expected}; got {got}.'],
  'openid-connect-provider-deleted': ['The provider was deleted', 'The provider is {got}.', 'Register the provider'],
  'openid-connect-provider': [
    'No registered provider issues this token',
    'Expected {expected}; there is {got}.',
    'Register the provider',
  ],
  'openid-connect-provider-spelling': [
    'The issuer is registered in another spelling',
    'Expected {expected}; registered is {got}.',
    'Register the issuer',
  ],
  'refused-call': ['No such refusal is remembered', 'Somebody looked up {expected}.'],
}

// The family of a reason without a text of its own: the longest beginning of its code that stands here.
const families: Record<string, string> = {
  'access-checks': 'The list of permissions to check is too long',
  'access-key': 'The access key was not accepted',
  'account-at-x': 'The login at X was not accepted',
  'account-of-the-session': 'The session is of another account',
  'address-attribute': 'The user pool cannot check this address',
  'age-of-the-trust-policy': 'The trust policy is older than the pool',
  'amr-of-the-token': 'The token does not tell how the user signed in',
  'application-of-the-token': 'The role is for another application',
  'arn-partition': 'The ARN is of another partition',
  'attached-policy': 'The attached policy was not accepted',
  'auth-flow': 'The app client does not allow this way of signing in',
  'auth-parameter': 'A parameter of the sign-in was not accepted',
  body: 'The body of the request was not accepted',
  caller: 'The caller may not make this call',
  'choice-of-an-id': 'The caller may not choose an ID',
  'classic-flow': 'The classic flow is not possible here',
  'client-ids': 'The provider has too many client IDs',
  'client-secret': "The app client's secret is wrong",
  code: 'The code was not accepted',
  'control-token': 'The control API was called from another machine',
  'credential-engine': 'The credential engine gave no credentials',
  'credential-form': 'The login does not have the form of this provider',
  'credential-scope': 'The call was signed for something else',
  customrolearn: 'The role that the app chose was not accepted',
  database: 'The database did not answer',
  'deletion-target': 'What is to be deleted was not found',
  'developer-provider': 'The developer provider was not accepted',
  'developer-user-identifier': "The backend's user was not accepted",
  'development-user-pool': 'The development user pool did not accept the call',
  'engine-session-policy': 'A session policy for the engine cannot be made',
  'engine-token-claim': 'A claim for the engine cannot be made',
  'examined-provider': 'No provider of the pool fits the token',
  'hash-of-the-arrived-body': 'The body that arrived is not the one that was signed',
  'hash-of-the-body': 'The body of the request is not signed',
  'headers-of-the-client': 'The headers of the request were not accepted',
  'home-account': "The call is for the operator's account only",
  'host-of-the-request': 'The request names another host',
  identity: 'The identity was not accepted',
  'injected-faults': 'The development server made this fault on demand',
  'inline-policies': "The role's inline policies were not accepted",
  'inline-session-policy': 'The session policy was not accepted',
  input: 'The input of the call was not accepted',
  'instance-profile': 'There are no instance profiles here',
  link: 'The login could not be linked',
  'linked-logins': 'The logins are not those of the identity',
  load: 'The identities cannot be loaded',
  'login-provider': 'The login provider was not accepted',
  'logins-of-the-token': "The token's logins are not linked any more",
  'logins-own-token': 'Other logins came with the token of your backend',
  'logins-to-remove': 'This login cannot be unlinked in this way',
  'lookup-key': 'The lookup names nobody',
  'managed-session-policy': 'The managed session policy was not accepted',
  marker: 'The next page of the list was not found',
  'method-and-uri': 'The method or the path of the request was not accepted',
  'openid-connect-provider': 'The OpenID Connect provider was not accepted',
  operation: 'The server does not have this operation in this form',
  'original-request': "The proxy did not send the client's request in full",
  'own-token': "The backend's token was not accepted",
  'page-token': 'The page token was not accepted',
  'password-attempts': 'Too many wrong passwords',
  'password-policy': 'The password policy was not met',
  'password-reset-by-the-user': 'The user cannot reset the password',
  path: 'The path of the request can be read in two ways',
  'permissions-boundary': 'The permissions boundary was not accepted',
  policies: 'The policies do not allow this call',
  policy: 'The policy was not accepted',
  'pool-application': "The pool's keys of the app at X were not accepted",
  'pool-arn': "The pool's ARN was not accepted",
  'pool-id': "The pool's ID was not accepted",
  'pool-limit': 'The account has too many pools',
  'pool-of-the-token': "The token's pool is not there any more",
  'pool-partition': "The pool's ARN is of another partition",
  'pool-tags': 'The tags of the pool were not accepted',
  preflight: 'A web page of another origin called',
  'principal-partition': 'The trust policy names principals of another partition',
  'principal-tag': 'The principal tags were not accepted',
  'principal-tags': 'The principal tags were not accepted',
  'principals-of-the-trust-policy': 'The trust policy names a role that does not exist',
  'provided-contexts': 'Contexts are not accepted here',
  provider: 'The provider was not accepted',
  'recovery-address': 'The user has no verified address',
  'refresh-flow': 'The app must refresh tokens in another way',
  'refusals-position': 'The position in the list of refusals was not accepted',
  'refusals-waits': 'Too many calls wait for refusals',
  region: "The region's name was not accepted",
  'region-of-the-signature': 'The call was signed for another region',
  'request-body': 'The body of the call cannot be read',
  'request-parameters': 'The parameters of the call cannot be read',
  'request-signature': "The call's signature was not accepted",
  'required-attribute': 'The user lacks a required attribute',
  'resource-exists': 'There is such a thing already',
  'resource-in-settings': 'The settings file has this: it is changed there',
  'resource-missing': 'There is no such thing',
  'resource-quota': 'The account has too many things of this kind',
  'revocable-token': 'The token cannot be revoked',
  'revoking-client': 'The app client may not revoke this token',
  role: 'The role was not accepted',
  'role-claims': 'The roles in the token cannot be used',
  'role-mapping': 'The role mapping was not accepted',
  'role-session-name': 'No session name could be made for the role',
  'room-for-the-request': 'The server has no room for this request',
  route: 'No route lets this request through',
  saml: 'The SAML response was not accepted',
  'saml-metadata': 'The SAML metadata were not accepted',
  'second-factor': 'Access keys have no second factor here',
  'secret-hash': 'The secret hash was not accepted',
  'server-load': 'The server is too busy',
  serversidetokencheck: 'The user pool did not confirm the user',
  'service-behind': 'The service behind did not answer',
  'session-duration': 'The duration of the session was not accepted',
  'session-policies': 'The session policies were not accepted',
  'session-tags': 'The session tags were not accepted',
  'session-token': 'The session token was not accepted',
  'sessions-to-revoke': 'The sessions to end were not found',
  'sign-in': 'The sign-in did not go on',
  'sign-out': 'The user was signed out',
  'sign-up': 'The sign-up was not accepted',
  signature: 'The signature was not accepted',
  'signed-body': 'The signed body was not accepted',
  'signed-headers': 'The signed headers were not accepted',
  'signing-key': 'The signing key was not accepted',
  'signing-keys': 'The signing keys cannot be made',
  'simulated-part-of-user-pools': 'The development server does not have this part of user pools',
  simulation: 'The simulation was not accepted',
  'source-identity': "The session's source identity cannot be changed",
  'source-of-the-copy': 'The source of the copy was not accepted',
  'srp-value': 'The password proof was not accepted',
  'sts-arn-partition': 'The ARN is of another partition',
  'supported-login-provider': 'This provider is registered in another way',
  tags: 'The tags were not accepted',
  'temporary-password': 'The temporary password has expired',
  tested: 'The test of the provider failed',
  thumbprints: 'The thumbprints were not accepted',
  'timestamp-of-the-proof': "The password proof's time was not accepted",
  token: 'The token was not accepted',
  'transitive-tag-keys': 'A transitive tag is not among the session tags',
  'trust-policy': 'The role does not trust this caller',
  try: 'The try-out was not accepted',
  user: 'The user pool did not accept the call',
  'verified-scope': 'The scope of the signature to verify was not accepted',
  'verified-session': 'The session to verify was not accepted',
  'web-identity-federation': 'Tokens for services outside are not set up so',
  'writable-attribute': 'The app client may not write this attribute',
}

/** family returns the title of a reason without a text of its own; one that names the check if no family has one. */
function family(code: string): string {
  const parts = code.split('-')
  for (let n = parts.length; n > 0; n--) {
    const start = parts.slice(0, n).join('-')
    const title = Object.hasOwn(families, start) ? families[start] : undefined
    if (title) return title
  }

  const check = words(code)
  return check ? `This check did not pass: ${check}` : 'The call was refused'
}

/** written are the codes that have a text of their own. */
export const written: string[] = Object.keys(texts)

/** title returns the headline of a reason. */
export function title(code: string): string {
  return own(code)?.[0] ?? family(code)
}

/** reason returns what a refusal means, with the values of the check that decided. */
export function reason(code: string, step?: Step): Reason {
  const row = own(code)

  return {
    title: title(code),
    why: row ? fill(row[1], step) : compared(step),
    action: fill(row?.[2] ?? '', step),
    advice: sentence(step?.Fix ?? '') || 'Compare what the app was told with what it sent; the checks are below.',
  }
}

// compared tells what a check without a text of its own has compared.
function compared(step?: Step): string {
  if (step?.Expected && step.Got) return fill('The server expected {expected}. It got {got}.', step)
  if (step?.Got) return fill('The server got {got}.', step)
  if (step?.Expected) return fill('The server expected {expected}.', step)

  return step?.Check
    ? `The call did not pass the check “${step.Check}”.`
    : 'The call did not pass a check of the server.'
}

// A code comes from the server; only texts of this file count, not the members that every object has.
function own(code: string): Row | undefined {
  return Object.hasOwn(texts, code) ? texts[code] : undefined
}

// fill puts the values into a text in one pass; an action whose value is missing is none.
function fill(text: string, step?: Step): string {
  const values: Record<string, string | undefined> = {
    expected: step?.Expected,
    got: step?.Got,
    add: step?.Link?.Add,
  }
  if (text.includes('{add}') && !values.add) return ''

  return text.replace(/\{(expected|got|add)\}/g, (_, name: string) => values[name] ?? 'something else')
}
