// Photos in the bucket, one folder for each identity: IDENTITY/NAME.
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";

import { credentials } from "./auth.js";

const Bucket = import.meta.env.VITE_BUCKET;

// openFolders returns what the user who is signed in can do. Take another for another user: the
// client keeps credentials until they expire.
export function openFolders() {
  const s3 = new S3Client({
    endpoint: import.meta.env.VITE_STORE,
    region: "us-east-1",
    forcePathStyle: true,
    credentials,
    // The request is signed with the SHA-256 of its body: a second checksum proves nothing more.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });

  async function picture(Key) {
    const { Body, ContentType } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    return URL.createObjectURL(new Blob([await Body.transformToByteArray()], { type: ContentType }));
  }

  return {
    async upload(identityId, file) {
      const Body = new Uint8Array(await file.arrayBuffer());
      await s3.send(new PutObjectCommand({ Bucket, Key: `${identityId}/${file.name}`, Body, ContentType: file.type }));
    },

    async list(identityId) {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: `${identityId}/` }));
      return Promise.all(Contents.map(async ({ Key }) => ({
        key: Key,
        name: Key.slice(identityId.length + 1),
        url: await picture(Key),
      })));
    },

    async remove(Key) {
      await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    },
  };
}
