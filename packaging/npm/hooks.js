/** Puts variables into an environment, and returns a function that puts back what was there. */
export function putEnvironment(variables, environment = process.env) {
  const before = Object.keys(variables).map((name) => [name, environment[name]]);
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
