// Settings of the developer's own AWS account. SDKs would send the token with the server's keys, take
// the profile's keys in their place, or call AWS in place of the server.
const foreign = ["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_PROFILE",
  "AWS_DEFAULT_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"];

/**
 * Puts variables into an environment, and takes those of the developer's own account out of it. Returns a
 * function that puts back what was there.
 */
export function putEnvironment(variables, environment = process.env) {
  const before = [...foreign, ...Object.keys(variables)].map((name) => [name, environment[name]]);
  for (const name of foreign) delete environment[name];
  Object.assign(environment, variables);

  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete environment[name];
      else environment[name] = value;
    }
  };
}

/** Prints the last calls after a failed test. What cannot be had must not hide why the test failed. */
export async function printCalls(poolhouse, print) {
  const calls = await poolhouse.explain().catch((error) => `not to be had: ${error.message}`);
  if (calls) print(`Last calls of Poolhouse:\n${calls}`);
}
