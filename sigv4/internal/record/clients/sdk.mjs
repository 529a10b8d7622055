// One call with the AWS SDK for JavaScript: sdk.mjs ENDPOINT ACTION POOL_NAME. Keys come from the environment.
import { createHash, createHmac } from "node:crypto";
import { get } from "node:http";
import { CognitoIdentityClient, CreateIdentityPoolCommand, ListIdentityPoolsCommand } from "@aws-sdk/client-cognito-identity";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { SignatureV4 } from "@smithy/signature-v4";

const [endpoint, action, poolName] = process.argv.slice(2);
const cognito = new CognitoIdentityClient({ endpoint });
const sts = new STSClient({ endpoint });

class Sha256 {
  constructor(secret) {
    this.hash = secret ? createHmac("sha256", secret) : createHash("sha256");
  }
  update(data) {
    this.hash.update(data);
  }
  async digest() {
    return new Uint8Array(this.hash.digest());
  }
}

// As token generators for EKS do.
async function presigned() {
  const { hostname, port, host } = new URL(endpoint);
  const signer = new SignatureV4({
    service: "sts",
    region: process.env.AWS_REGION,
    sha256: Sha256,
    credentials: {
      accessKeyId: process.env.AWS_ACCESS_KEY_ID,
      secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
      sessionToken: process.env.AWS_SESSION_TOKEN,
    },
  });
  const request = await signer.presign(
    {
      method: "GET", protocol: "http:", hostname, port: Number(port), path: "/",
      headers: { host, "x-k8s-aws-id": "example-cluster" },
      query: { Action: "GetCallerIdentity", Version: "2011-06-15" },
    },
    { expiresIn: 60 },
  );
  const query = Object.entries(request.query).map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
  return new Promise((resolve, reject) => {
    get({ hostname, port, path: "/?" + query, headers: request.headers }, (response) => response.resume().on("end", resolve)).on("error", reject);
  });
}

const actions = {
  list: () => cognito.send(new ListIdentityPoolsCommand({ MaxResults: 10 })),
  create: () => cognito.send(new CreateIdentityPoolCommand({ IdentityPoolName: poolName, AllowUnauthenticatedIdentities: false })),
  caller: () => sts.send(new GetCallerIdentityCommand({})),
  "presign-get": presigned,
};
await actions[action]();
