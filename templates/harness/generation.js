/**
 * @file A generation is a text that goes on, token by token: its prompt, when each token was there, which tokens were chosen, and
 * what is kept of each call.
 */

/** @import { InferenceSession, Tensor } from "onnxruntime-common" */
/** @import { Generation, GenerationSpec } from "gpujobs/protocol.js" */
/** @import { Call, Value } from "gpujobs/calls.js" */

/** The output by which tokens are chosen: of all that a call gives, the only one that is kept. */
const LOGITS = "logits";

/**
 * What is known of the inferences since the last `forget`.
 * @typedef {object} Generating
 * @property {() => void} forget
 * @property {() => void} begin An inference is called.
 * @property {() => void} ran The outputs of a call can be read.
 * @property {(call: Call) => Call} keep What is kept of a call.
 * @property {(model: any) => void} watch Keeps the tokens that a model of transformers.js chooses.
 * @property {() => Generation[]} times Of each inference.
 * @property {() => number[][]} chosen By the latest inference, a list for each text.
 */

/** @returns {Generating} */
export function watchGeneration() {
  /** @type { { began: number, calls: number, texts: number, prompt: number, ended: number[] }[] } */
  let inferences = [];
  /** @type {number[][]} */
  let sequences = [];
  const latest = () => inferences[inferences.length - 1];
  return {
    forget: () => {
      inferences = [];
    },
    begin: () => {
      inferences.push({ began: performance.now(), calls: 0, texts: 0, prompt: 0, ended: [] });
    },
    ran: () => void latest()?.ended.push(performance.now()),
    keep: (call) => {
      const inference = latest();
      const isFirst = inference === undefined || inference.calls === 0;
      const tokens = call.feeds.find(({ name }) => name === "input_ids")?.shape;
      if (inference && tokens && isFirst) [inference.texts, inference.prompt] = tokens;
      if (inference) inference.calls += 1;
      // The reference feeds its own cache back. Only the first one, which is empty, it has to be told.
      const feeds = isFirst ? call.feeds : call.feeds.filter(({ name }) => !name.startsWith("past"));
      return { ...call, feeds, fetches: logitsOf(call.fetches) };
    },
    watch: (model) => {
      const generate = model.generate.bind(model);
      model.generate = async (/** @type {any} */ inputs) => {
        const generated = await generate(inputs);
        sequences = (generated.sequences ?? generated).tolist().map((/** @type {bigint[]} */ ids) => ids.map(Number));
        return generated;
      };
    },
    times: () =>
      inferences
        .filter(({ ended, prompt }) => ended.length > 0 && prompt > 0)
        .map(({ began, texts, prompt, ended: [first, ...later] }) => {
          const before = [first, ...later];
          return { texts, prompt, firstMs: first - began, stepsMs: later.map((time, at) => time - before[at]) };
        }),
    chosen: () => sequences.map((ids) => ids.slice(latest()?.prompt ?? 0)),
  };
}

/**
 * What is kept of a call's outputs.
 * @param {Value[]} fetches
 */
export function logitsOf(fetches) {
  return fetches.filter(({ name }) => name === LOGITS).map(ofLastPosition);
}

/**
 * The cache that a call's outputs hold, as the next call takes it.
 * @param {InferenceSession} session
 * @param {Readonly<Record<string, Tensor>>} outputs
 */
export function cacheOf(session, outputs) {
  const fedBack = Object.entries(outputs).map(([name, tensor]) => {
    const input = name.replace(/^present(?=_)/, "past").replace(/^present/, "past_key_values");
    return /** @type {[string, Tensor]} */ ([input, tensor]);
  });
  return Object.fromEntries(fedBack.filter(([input]) => session.inputNames.includes(input)));
}

/**
 * The logits of the last position, by which a token is chosen: `[texts, positions, words]` as `[texts, 1, words]`.
 * @param {Value} value
 * @returns {Value}
 */
function ofLastPosition(value) {
  const [texts, positions, words] = value.shape;
  const data = /** @type {any} */ (value.data);
  if (value.shape.length !== 3 || positions < 2 || data === null) return value;
  const last = new data.constructor(texts * words);
  for (let text = 0; text < texts; text += 1) {
    const from = ((text + 1) * positions - 1) * words;
    last.set(data.subarray(from, from + words), text * words);
  }
  return { ...value, shape: [texts, 1, words], data: last };
}

/**
 * What a pipeline is given so that its tokenizer makes a prompt of so many tokens: the words of the text, again and again, as few
 * as have that many tokens. The tokenizer cuts off what is too much.
 * @param {GenerationSpec} spec
 * @param {any} tokenizer
 * @param {unknown} given A text, or a list.
 * @returns {unknown}
 */
export function promptOf({ promptTokens }, tokenizer, given) {
  if (promptTokens === null) return given;
  const count = (/** @type {string} */ text) => tokenizer.encode(text, { add_special_tokens: false }).length;
  const long = (/** @type {string} */ text) => {
    const words = text.split(/\s+/).filter(Boolean);
    if (words.length === 0 || count(text) === 0) throw new Error("the text has no tokens that a prompt could be made of");
    const first = (/** @type {number} */ many) => Array.from({ length: many }, (_, at) => words[at % words.length]).join(" ");
    let most = words.length;
    while (count(first(most)) < promptTokens) most *= 2;
    for (let least = 1; least < most; ) {
      const middle = Math.floor((least + most) / 2);
      if (count(first(middle)) < promptTokens) least = middle + 1;
      else most = middle;
    }
    return first(most);
  };
  return Array.isArray(given) ? given.map(long) : long(/** @type {string} */ (given));
}
