import { folder, name } from "./albums.js";

test("name", () => {
  expect(name("us-east-1:1")).toBe("albums/us-east-1:1/");
});

test("a user keeps the folder in spite of throttling", async () => {
  const alice = await poolhouse.signIn("alice");
  await poolhouse.fail({ operation: "GetId", error: "TooManyRequestsException", times: 1 });
  expect(await folder(poolhouse.poolId, alice.logins)).toBe(`albums/${alice.identityId}/`);
});
