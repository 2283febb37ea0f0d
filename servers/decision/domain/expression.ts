/** What a rule may say, as a tree. Every number is a double; a number as a condition holds when it is above 0. */
export type Expression =
  | { readonly kind: "constant"; readonly value: number | boolean | string }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "and" | "or"; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "not"; readonly operand: Expression }
  | { readonly kind: "negative"; readonly operand: Expression }
  | {
      readonly kind: "choice";
      readonly condition: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    }
  | {
      readonly kind: "compare";
      readonly op: Comparison;
      readonly left: Expression;
      readonly right: Expression;
      /** As it was written, for people. */
      readonly text: string;
    }
  | { readonly kind: "calculate"; readonly op: Sum; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "one_of"; readonly left: Expression; readonly items: readonly Expression[] }
  /** `unknown(x)`: looked at and not known. `missing(x)`: that, or never looked at. */
  | { readonly kind: "unknown" | "missing"; readonly name: string };

export type Comparison = "<" | "<=" | ">" | ">=" | "==" | "!=";
export type Sum = "+" | "-" | "*" | "/";

/** Numbers by name. null: looked at and not known. No name: never looked at. */
export type Known = Readonly<Record<string, number | null | undefined>>;

/** What is known, and the action, which is a text. */
type Values = Readonly<Record<string, number | string | null | undefined>>;

type Value = number | boolean | string | null;

/**
 * Whether an expression holds: true, false, or null where what is not known would decide it. Total: it ends after
 * visiting each node once and never throws; what has no value (a division by 0) is not known.
 *
 * Source: strong three-valued logic, Kleene, "Introduction to Metamathematics" (1952), section 64.
 */
export function holds(expression: Expression, known: Values): boolean | null {
  return truth(valueOf(expression, known));
}

function truth(value: Value): boolean | null {
  if (typeof value === "number") return value > 0;
  return typeof value === "string" ? null : value;
}

function valueOf(expression: Expression, known: Values): Value {
  switch (expression.kind) {
    case "constant":
      return expression.value;
    case "name":
      return lookUp(known, expression.name) ?? null;
    case "unknown":
      return lookUp(known, expression.name) === null;
    case "missing":
      return (lookUp(known, expression.name) ?? null) === null;
    case "not":
      return negated(holds(expression.operand, known));
    case "and":
      return both(holds(expression.left, known), holds(expression.right, known));
    case "or":
      return either(holds(expression.left, known), holds(expression.right, known));
    case "negative": {
      const value = valueOf(expression.operand, known);
      return typeof value === "number" ? -value : null;
    }
    case "choice": {
      const condition = holds(expression.condition, known);
      if (condition !== null) return valueOf(condition ? expression.yes : expression.no, known);
      const [yes, no] = [valueOf(expression.yes, known), valueOf(expression.no, known)];
      return yes === no ? yes : null;
    }
    case "compare":
      return compared(expression.op, valueOf(expression.left, known), valueOf(expression.right, known));
    case "calculate":
      return calculated(expression.op, valueOf(expression.left, known), valueOf(expression.right, known));
    case "one_of": {
      const left = valueOf(expression.left, known);
      return expression.items
        .map((item) => compared("==", left, valueOf(item, known)))
        .reduce((found, same) => either(found, same), false);
    }
  }
}

/** Own names only: nothing that an object inherits is ever a fact. */
function lookUp(known: Values, name: string): number | string | null | undefined {
  return Object.hasOwn(known, name) ? known[name] : undefined;
}

function negated(value: boolean | null): boolean | null {
  return value === null ? null : !value;
}

function both(a: boolean | null, b: boolean | null): boolean | null {
  if (a === false || b === false) return false;
  return a === null || b === null ? null : true;
}

function either(a: boolean | null, b: boolean | null): boolean | null {
  if (a === true || b === true) return true;
  return a === null || b === null ? null : false;
}

function compared(op: Comparison, a: Value, b: Value): boolean | null {
  if (a === null || b === null) return null;
  if (op === "==") return same(a, b);
  if (op === "!=") return !same(a, b);
  if (typeof a !== "number" || typeof b !== "number") return null;
  switch (op) {
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
  }
}

/** `breaking_api_changes == true` asks whether the condition holds. */
function same(a: number | boolean | string, b: number | boolean | string): boolean {
  return typeof a === "boolean" || typeof b === "boolean" ? truth(a) === truth(b) : a === b;
}

function calculated(op: Sum, a: Value, b: Value): number | null {
  if (typeof a !== "number" || typeof b !== "number") return null;
  const value = { "+": a + b, "-": a - b, "*": a * b, "/": a / b }[op];
  return Number.isFinite(value) ? value : null;
}

/** The names an expression reads, each once, in the order in which they are written. */
export function namesIn(expression: Expression): readonly string[] {
  return [...new Set(walk(expression))];
}

function walk(expression: Expression): readonly string[] {
  switch (expression.kind) {
    case "constant":
      return [];
    case "name":
    case "unknown":
    case "missing":
      return [expression.name];
    case "not":
    case "negative":
      return walk(expression.operand);
    case "choice":
      return [...walk(expression.condition), ...walk(expression.yes), ...walk(expression.no)];
    case "one_of":
      return [...walk(expression.left), ...expression.items.flatMap(walk)];
    case "and":
    case "or":
    case "compare":
    case "calculate":
      return [...walk(expression.left), ...walk(expression.right)];
  }
}

/** The conditions that must all hold for an expression to hold. */
export function conjunctsOf(expression: Expression): readonly Expression[] {
  return expression.kind === "and"
    ? [...conjunctsOf(expression.left), ...conjunctsOf(expression.right)]
    : [expression];
}

/** The numbers that an expression holds single names against. */
export function thresholdsIn(
  expression: Expression,
): readonly { readonly name: string; readonly value: number }[] {
  switch (expression.kind) {
    case "not":
    case "negative":
      return thresholdsIn(expression.operand);
    case "and":
    case "or":
      return [...thresholdsIn(expression.left), ...thresholdsIn(expression.right)];
    case "choice":
      return [expression.condition, expression.yes, expression.no].flatMap(thresholdsIn);
    case "compare":
      return [...pairOf(expression.left, expression.right), ...pairOf(expression.right, expression.left)];
    default:
      return [];
  }
}

function pairOf(a: Expression, b: Expression): readonly { readonly name: string; readonly value: number }[] {
  return a.kind === "name" && b.kind === "constant" && typeof b.value === "number"
    ? [{ name: a.name, value: b.value }]
    : [];
}
