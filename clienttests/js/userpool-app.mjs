// The program of a page that uses Amplify as apps do, and nothing of Poolhouse but its address.
// js/userpool.test.mjs calls what it exports, in the page.
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { Amplify } from "aws-amplify";
import { fetchAuthSession } from "aws-amplify/auth";

export * from "aws-amplify/auth";

export function configure({ endpoint, userPoolId, userPoolClientId, identityPoolId }) {
  Amplify.configure({ Auth: { Cognito: {
    userPoolId, userPoolClientId, userPoolEndpoint: endpoint,
    identityPoolId, identityPoolEndpoint: endpoint, allowGuestAccess: true,
  } } });
}

// session is the app's session as plain data: functions do not leave the page.
export async function session(options) {
  const { tokens, credentials, identityId, userSub } = await fetchAuthSession(options);
  const plain = (token) => token && { text: token.toString(), claims: token.payload };
  return { id: plain(tokens?.idToken), access: plain(tokens?.accessToken), credentials, identityId, userSub };
}

// store returns the bucket's client with credentials, or with those of the session.
function store({ endpoint, credentials }) {
  return new S3Client({
    endpoint, region: "us-east-1", forcePathStyle: true, maxAttempts: 1,
    credentials: credentials ?? (async () => (await fetchAuthSession()).credentials),
    requestChecksumCalculation: "WHEN_REQUIRED", responseChecksumValidation: "WHEN_REQUIRED",
  });
}

export async function write({ folder, text, ...where }) {
  await store(where).send(new PutObjectCommand({ Bucket: "photos", Key: `${folder}/note.txt`, Body: text }));
}

export async function read({ folder, ...where }) {
  const { Body } = await store(where).send(new GetObjectCommand({ Bucket: "photos", Key: `${folder}/note.txt` }));
  return Body.transformToString();
}
