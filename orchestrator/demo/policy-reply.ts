/** What a scripted model says and which tools it calls. */
export interface PolicyReply {
  readonly text?: string;
  readonly calls?: readonly { readonly tool: string; readonly input: Readonly<Record<string, unknown>> }[];
}

export function call(tool: string, input: Readonly<Record<string, unknown>>, text?: string): PolicyReply {
  return { ...(text === undefined ? {} : { text }), calls: [{ tool, input }] };
}

export function giveUp(reason: string): PolicyReply {
  return call("give_up", { reason });
}
