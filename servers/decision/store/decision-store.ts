import type { Store } from "../../../kernel/store.ts";
import type { Approval } from "../domain/approval.ts";
import type { Facts } from "../domain/facts.ts";
import type { FactorValues, Readings } from "../domain/factors.ts";
import type { Assessment } from "../domain/formula.ts";
import type { Learned } from "../domain/learned-risk.ts";
import type { ChangeMetrics } from "../domain/learning/features.ts";
import type { Metrics } from "../domain/metrics.ts";
import type { OutcomeRecord } from "../domain/outcome.ts";
import type { Known } from "../domain/expression.ts";
import type { Action, Policy, Verdict } from "../domain/policy.ts";
import type { WentAlone } from "../domain/risk-budget.ts";
import type { BudgetState } from "../domain/budget.ts";
import type { EscalationTx } from "./escalations.ts";
import type { ModelTx } from "./models.ts";
import type { VoteTx } from "./votes.ts";

export interface ModelNamed {
  readonly name: string;
  readonly version: string;
  readonly trained_on: string;
}

/** A past change with what became of it, as models and calibration learn from it. */
export interface LessonRecord {
  /** The decision's id, or `git:` and the commit's. */
  readonly id: string;
  readonly action: Action | null;
  readonly principal: string;
  /** Who vouches for the label; "mined" from the repository's history. */
  readonly attested: "self" | "token" | "mined";
  /** Confidence that the agent stated; null when none. */
  readonly stated: number | null;
  /** What was decided, and at which risk; null for mined ones. */
  readonly risk: number | null;
  readonly verdict: Verdict | null;
  /** The model that forecast the risk; null for mined ones, and where it is not known. */
  readonly model: string | null;
  readonly metrics: ChangeMetrics | null;
  readonly at: number;
  readonly due: number;
  /** 1: it turned out badly. */
  readonly label: 0 | 1;
}

/** Which lessons: those due by `now`, of one agent or kind of action where given. */
export interface LessonQuery {
  readonly now: number;
  readonly principal?: string | undefined;
  readonly action?: Action | undefined;
  /** Only those that a change can be learned from, or that a calibration can. */
  readonly with: "metrics" | "stated" | "verdict";
  readonly limit: number;
  /** So many of the newest are passed over. */
  readonly skip?: number;
}

/** What was looked at, and what the formula made of it. */
export interface StoredAssessment {
  readonly id: string;
  readonly action: Action;
  /** The measured range; null where nothing but claims were given. */
  readonly range: {
    readonly repo: string;
    readonly base: string | null;
    readonly head: string;
    /** As the newest commit says; not there in records of before votes. */
    readonly author?: string | undefined;
    /** Of every commit, as `Name <address>`. */
    readonly authors?: readonly string[] | undefined;
  } | null;
  readonly metrics: Metrics | null;
  readonly measured: Readings | null;
  readonly claims: Facts;
  readonly model: ModelNamed;
  /** What the learned model said of the metrics, and how far it is trusted; null where the formula is in force. */
  readonly learned: Learned | null;
  /** Whether the change touches the policy that judges it. */
  readonly policyTouched: boolean;
  readonly result: Assessment;
  /** SHA-256 over everything above but the id: the same change, measured again, has the same one. */
  readonly digest: string;
  readonly principal: string;
  readonly at: number;
}

export interface StoredDecision {
  readonly id: string;
  readonly action: Action;
  readonly subject: string;
  readonly assessmentId: string;
  readonly result: Assessment;
  readonly known: Known;
  /** Where confidence came from. */
  readonly confidenceFrom: "claimed" | "default";
  /** Where the policy's risk budget stood; null where it has none. */
  readonly budget: BudgetState | null;
  readonly verdict: Verdict;
  readonly rulesFired: readonly string[];
  readonly reasons: readonly string[];
  readonly policyVersion: string;
  readonly approvalId: string | null;
  /** Who did the work, as far as anybody said; they have no vote on it. */
  readonly authors: readonly string[];
  readonly principal: string;
  readonly at: number;
}

/** What was tried, on what, and why it was refused. */
export interface Refusal {
  readonly what: string;
  readonly subject: string;
  readonly code: string;
  readonly reason: string;
}

/** What the decision store offers inside one transaction. Adding anything records its event. */
export interface DecisionTx extends EscalationTx, VoteTx, ModelTx {
  addAssessment(assessment: StoredAssessment): Promise<void>;
  findAssessment(id: string): Promise<StoredAssessment | undefined>;
  /** Decisions with smaller ids than `before`, newest first. */
  pastDecisions(before: string, limit: number): Promise<readonly StoredDecision[]>;
  /** Keeps the policy's text under its version, once, and tells where it differs from the one before. */
  keepPolicy(version: string, policy: Policy, now: number): Promise<void>;
  findPolicy(version: string): Promise<Policy | undefined>;
  addDecision(decision: StoredDecision): Promise<void>;
  findDecision(id: string): Promise<StoredDecision | undefined>;
  /** Factor values of the newest decisions on this kind of action made before `before`, newest first. */
  pastFactors(
    action: Action,
    before: number,
    limit: number,
  ): Promise<readonly { readonly id: string; readonly values: FactorValues }[]>;
  addApproval(approval: Approval): Promise<void>;
  findApproval(id: string): Promise<Approval | undefined>;
  /** Approvals of a digest, newest first. */
  approvalsOf(digest: string): Promise<readonly Approval[]>;
  /** Approvals waiting for an answer, oldest first. */
  pendingApprovals(limit: number): Promise<readonly Approval[]>;
  saveApproval(approval: Approval): Promise<void>;
  /** Marks the overdue as expired. */
  expireApprovals(now: number): Promise<void>;
  addOutcome(outcome: OutcomeRecord): Promise<void>;
  /** Puts on record that somebody tried what they may not. */
  noteRefusal(refusal: Refusal): Promise<void>;
  /** Versions of a decision's outcome, first to last. */
  outcomesOf(decisionId: string): Promise<readonly OutcomeRecord[]>;
  /** Keeps the lesson of this id; null takes it back. */
  setLesson(id: string, lesson: LessonRecord | null, now: number): Promise<void>;
  /** Takes back every mined lesson. */
  dropMined(): Promise<void>;
  /** The newest by when they were due, oldest first. */
  lessons(query: LessonQuery): Promise<readonly LessonRecord[]>;
  /** How many lessons with metrics are due, and a mark that changes with any of them. */
  lessonCount(now: number): Promise<{ readonly count: number; readonly mark: string }>;
  /** What became of the newest two hundred changes that went on alone and whose outcome is matured by `now`. */
  wentAlone(now: number): Promise<WentAlone>;
}

export type DecisionStore = Store<DecisionTx>;
