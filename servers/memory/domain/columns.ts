const FIRST_LENGTH = 1_024;

/** Numbers one after another in memory, so that a pass over all of them costs next to nothing. */
export interface NumberColumn {
  push(value: number): void;
  readonly length: number;
  /** At least `length` long; a push may put another array in its place. */
  readonly values: Float64Array;
}

export function numberColumn(): NumberColumn {
  let values = new Float64Array(FIRST_LENGTH);
  let length = 0;
  return {
    push(value) {
      if (length === values.length) {
        const larger = new Float64Array(2 * length);
        larger.set(values);
        values = larger;
      }
      values[length] = value;
      length += 1;
    },
    get length() {
      return length;
    },
    get values() {
      return values;
    },
  };
}

/** No text. */
export const NONE = -1;

/** Texts that repeat, each kept once and named by its code: 0, 1, 2 … in the order they came. */
export interface TextColumn {
  push(text: string | undefined): void;
  /** Codes by position, `NONE` for no text. At least as long as what was pushed; a push may replace it. */
  readonly codes: Float64Array;
  /** The code of a text, `NONE` for one that never came. */
  codeOf(text: string): number;
  /** Texts by code. */
  readonly texts: readonly string[];
}

export function textColumn(): TextColumn {
  const column = numberColumn();
  const known = new Map<string, number>();
  const texts: string[] = [];
  return {
    push(text) {
      if (text === undefined) {
        column.push(NONE);
        return;
      }
      const code = known.get(text) ?? texts.length;
      if (code === texts.length) {
        texts.push(text);
        known.set(text, code);
      }
      column.push(code);
    },
    get codes() {
      return column.values;
    },
    codeOf: (text) => known.get(text) ?? NONE,
    texts,
  };
}
