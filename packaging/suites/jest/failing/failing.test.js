// No test of anything: the first one fails, the other waits to be killed.
test("fails", async () => {
  await poolhouse.signIn("alice", { expiresIn: -600 });
});
