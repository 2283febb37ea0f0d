import { Environment, type ASTNode } from "@marcbachmann/cel-js";
import { DomainError } from "../../../kernel/errors.ts";
import { nearest } from "../../../kernel/flags.ts";
import type { Expression } from "../domain/expression.ts";
import { NUMBER_NAMES } from "../domain/facts.ts";
import { readyPolicy, type Policy, type ReadyPolicy, type Rule } from "../domain/policy.ts";

/** Longest condition, in characters. */
const LONGEST = 2_000;

/**
 * The syntax is CEL's. Only the parser of the library is used: what it reads is turned into our own small tree, in
 * which there are no members, no calls but `unknown` and `missing`, and no loops, so that there is nothing to reach.
 *
 * Source: Common Expression Language specification, https://github.com/google/cel-spec.
 */
const language = new Environment({
  unlistedVariablesAreDyn: true,
  limits: { maxAstNodes: 300, maxDepth: 24, maxListElements: 40, maxMapEntries: 0, maxCallArguments: 1 },
});

/** Prepares a policy. @throws {DomainError} invalid, naming the rule and what is wrong with its condition. */
export function compilePolicy(policy: Policy): ReadyPolicy {
  return readyPolicy(policy, (rule) => readCondition(rule));
}

function readCondition(rule: Rule): Expression {
  try {
    return readExpression(rule.when);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw new DomainError("invalid", `rule ${rule.id.slice(0, 60)}: ${error.message}`, {
      hint: error.hint ?? "see docs/decision.md for the rule language",
    });
  }
}

/** Reads one condition. Bounded in time and depth. @throws {DomainError} invalid */
export function readExpression(text: string): Expression {
  if (text.length > LONGEST) throw refused(`a condition has at most ${LONGEST} characters`);
  const ast = (() => {
    try {
      return language.parse(withPercents(text)).ast;
    } catch {
      // The library's words quote the text of the rule: ours do not.
      throw refused("its condition cannot be read");
    }
  })();
  const expression = convert(ast);
  asCondition(expression);
  return expression;
}

/**
 * `20%` is .2. A percent sign is a literal's when it touches the number before it and no operand follows; CEL's own
 * `%` needs whole numbers, which no fact is, and is refused.
 */
function withPercents(text: string): string {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?<![\w.])(\d{1,9}(?:\.\d{1,9})?)%(?!\s*[\w.("'])/g,
    (whole, quoted: string | undefined, number: string | undefined) =>
      quoted ?? (number === undefined ? whole : String(Number(`${number}e-2`))),
  );
}

function convert(node: ASTNode): Expression {
  switch (node.op) {
    case "value":
      return { kind: "constant", value: constant(node.args) };
    case "id":
      return { kind: "name", name: factName(node.args) };
    case "&&":
      return { kind: "and", left: convert(node.args[0]), right: convert(node.args[1]) };
    case "||":
      return { kind: "or", left: convert(node.args[0]), right: convert(node.args[1]) };
    case "!_":
      return { kind: "not", operand: convert(node.args) };
    case "-_":
      return { kind: "negative", operand: convert(node.args) };
    case "?:":
      return {
        kind: "choice",
        condition: convert(node.args[0]),
        yes: convert(node.args[1]),
        no: convert(node.args[2]),
      };
    case "<":
    case "<=":
    case ">":
    case ">=":
    case "==":
    case "!=":
      return {
        kind: "compare",
        op: node.op,
        left: convert(node.args[0]),
        right: convert(node.args[1]),
        text: node.input.slice(node.range.start, node.range.end),
      };
    case "+":
    case "-":
    case "*":
    case "/":
      return { kind: "calculate", op: node.op, left: convert(node.args[0]), right: convert(node.args[1]) };
    case "in": {
      const [left, right] = node.args;
      if (right.op !== "list") throw refused('"in" takes a list: action in ["merge", "deploy"]');
      return { kind: "one_of", left: convert(left), items: right.args.map(convert) };
    }
    case "call":
      return call(node.args[0], node.args[1]);
    case ".":
    case ".?":
    case "[]":
    case "[?]":
    case "rcall":
    case "list":
    case "map":
    case "%":
      throw refused(
        "a condition compares facts with numbers; members, lists, maps, remainders and methods are no part of it",
      );
  }
}

function constant(value: unknown): number | boolean | string {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw refused("only numbers, texts, true and false are constants");
}

function call(name: string, given: readonly ASTNode[]): Expression {
  const [argument] = given;
  if (name !== "unknown" && name !== "missing") throw refused("the only functions are unknown and missing");
  if (argument?.op !== "id") throw refused(`${name} takes the name of one fact`);
  return { kind: name, name: factName(argument.args) };
}

/** A fact that nobody produces makes a rule that never fires: it is refused when the policy is read. */
function factName(name: string): string {
  if (name === "action" || NUMBER_NAMES.includes(name)) return name;
  const near = nearest(name, NUMBER_NAMES);
  throw refused(
    `there is no fact ${name.slice(0, 40)}`,
    near === undefined ? undefined : `did you mean ${near}?`,
  );
}

type Type = "number" | "boolean" | "string";

/** Types are checked when a policy is read, so that applying it can't fail. */
function typeOf(expression: Expression): Type {
  switch (expression.kind) {
    case "constant":
      return kindOf(expression.value);
    case "name":
      return expression.name === "action" ? "string" : "number";
    case "unknown":
    case "missing":
      return "boolean";
    case "and":
    case "or":
      asCondition(expression.left);
      asCondition(expression.right);
      return "boolean";
    case "not":
      asCondition(expression.operand);
      return "boolean";
    case "negative":
      asNumber(expression.operand);
      return "number";
    case "calculate":
      asNumber(expression.left);
      asNumber(expression.right);
      return "number";
    case "choice": {
      asCondition(expression.condition);
      const [yes, no] = [typeOf(expression.yes), typeOf(expression.no)];
      if (yes !== no) throw refused("both ends of ?: must be of one kind");
      return yes;
    }
    case "compare": {
      const [left, right] = [typeOf(expression.left), typeOf(expression.right)];
      const isOrder = expression.op !== "==" && expression.op !== "!=";
      if (isOrder ? left !== "number" || right !== "number" : (left === "string") !== (right === "string"))
        throw refused(`${expression.op} compares two numbers`);
      return "boolean";
    }
    case "one_of": {
      const left = typeOf(expression.left);
      if (expression.items.some((item) => typeOf(item) !== left))
        throw refused('"in" takes a list of the same kind');
      return "boolean";
    }
  }
}

function kindOf(value: number | boolean | string): Type {
  if (typeof value === "number") return "number";
  return typeof value === "boolean" ? "boolean" : "string";
}

function asCondition(expression: Expression): void {
  if (typeOf(expression) === "string") throw refused("a text is no condition");
}

function asNumber(expression: Expression): void {
  if (typeOf(expression) !== "number") throw refused("one calculates with numbers only");
}

function refused(message: string, hint?: string): DomainError {
  return new DomainError("invalid", message, hint === undefined ? {} : { hint });
}
