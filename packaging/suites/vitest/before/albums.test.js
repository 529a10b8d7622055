import { expect, test } from "vitest";
import { folder, name } from "./albums.js";

test("name", () => {
  expect(name("us-east-1:1")).toBe("albums/us-east-1:1/");
});
