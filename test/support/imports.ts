import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

export interface Import {
  /** As written: `node:fs`, `zod`, `../domain/task.ts`; `undefined` for a dynamic import of a computed name. */
  readonly specifier: string | undefined;
  /** A repository path for a relative import, else the specifier. */
  readonly target: string;
  /** Erased before the program runs. `import { type A }` is not: the module is still loaded. */
  readonly typeOnly: boolean;
}

export interface Source {
  /** Repository path with forward slashes. */
  readonly path: string;
  readonly imports: readonly Import[];
  /** The program text with comments removed and each string literal replaced by `"<index>"`. */
  readonly code: string;
  readonly strings: readonly string[];
}

/** Every `.ts` file below `folders`, as repository path and text. Sample projects are data, not sources. */
export function readSources(root: string, folders: readonly string[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .replaceAll("\\", "/");
      if (!entry.isFile() || !path.endsWith(".ts") || path.startsWith("orchestrator/demo/sample/")) continue;
      files.set(path, readFileSync(join(root, path), "utf8"));
    }
  }
  return files;
}

const fromClause =
  /\b(?:import|export)\s+(type\s+)?(?:[\w$]+\s*,?\s*)?(?:\*(?:\s+as\s+[\w$]+)?|\{[^}]*\})?\s*from\s*"(\d+)"/g;
const bareImport = /\bimport\s*"(\d+)"/g;
const dynamicImport = /(\btypeof\s+)?\bimport\s*\(\s*(?:"(\d+)"\s*[,)])?/g;

/** Finds static, type and dynamic imports and re-exports. */
export function parse(path: string, text: string): Source {
  const { code, strings } = withoutText(text);
  const imports: Import[] = [];
  const add = (index: string | undefined, typeOnly: boolean): void => {
    const specifier = index === undefined ? undefined : strings[Number(index)];
    const relative = specifier?.startsWith(".") === true;
    const target = relative ? posix.join(posix.dirname(path), specifier) : (specifier ?? "<computed>");
    imports.push({ specifier, target, typeOnly });
  };
  for (const [, type, index] of code.matchAll(fromClause)) add(index, type !== undefined);
  for (const [, index] of code.matchAll(bareImport)) add(index, false);
  for (const [, type, index] of code.matchAll(dynamicImport)) add(index, type !== undefined);
  return { path, imports, code, strings };
}

/** Tells a regular expression from a division by what stands before the slash. */
const beforeRegExp = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|case|typeof|await|yield|of|in|do|else))\s*$/;

/**
 * Takes comments and literals out of a program, so that words inside them are not mistaken for code. The code inside
 * a template's `${}` stays.
 */
function withoutText(text: string): { code: string; strings: string[] } {
  const strings: string[] = [];
  let code = "";
  /** For each open `${`, how many braces are open inside it. */
  const templates: number[] = [];
  let at = 0;
  const literal = (value: string): void => {
    code += `"${strings.push(value) - 1}"`;
  };
  const template = (): void => {
    for (at += 1; at < text.length; at += 1) {
      if (text[at] === "\\") at += 1;
      else if (text.startsWith("${", at)) {
        templates.push(0);
        at += 2;
        code += " (";
        return;
      } else if (text[at] === "`") {
        at += 1;
        literal("");
        return;
      }
    }
  };
  while (at < text.length) {
    const char = text[at] ?? "";
    const rest = text.slice(at, at + 2);
    const open = templates.length - 1;
    if (rest === "//" || rest === "/*") {
      const end = rest === "//" ? text.indexOf("\n", at) : text.indexOf("*/", at + 2) + 2;
      at = end < at ? text.length : end;
      code += " ";
    } else if (char === '"' || char === "'") {
      let end = at + 1;
      while (end < text.length && text[end] !== char) end += text[end] === "\\" ? 2 : 1;
      literal(text.slice(at + 1, end));
      at = end + 1;
    } else if (char === "`") {
      template();
    } else if (char === "/" && beforeRegExp.test(code.slice(-20))) {
      let inClass = false;
      let end = at + 1;
      for (; end < text.length && (inClass || text[end] !== "/") && text[end] !== "\n"; end += 1) {
        if (text[end] === "\\") end += 1;
        else if (text[end] === "[") inClass = true;
        else if (text[end] === "]") inClass = false;
      }
      literal("");
      at = end + 1;
    } else if (char === "}" && templates[open] === 0) {
      templates.pop();
      code += ") ";
      template();
    } else {
      if (open >= 0) templates[open] = (templates[open] ?? 0) + (char === "{" ? 1 : char === "}" ? -1 : 0);
      code += char;
      at += 1;
    }
  }
  return { code, strings };
}
