/** NextTokenView from a run in the page, with branches. */

import { arrayRecord } from "../engine/trace.js";

const CANDIDATES = 50;
const SHORTEST = 4; // tokens of a branch, as llmlab/views/next_token.py has it
const RECORDED = { temperature: 0.7, top_k: null, top_p: null };

export const FIELDS = [
  { name: "tokens", label: "Tokens", min: 1, max: 60, value: 12 },
  { name: "seed", label: "Seed", min: 0, max: Number.MAX_SAFE_INTEGER, value: 0 },
];

export const serves = () => true;

export const tokensOf = (model) => model.get("prompt");

/**
 * @param {object} engine
 * @param {string} text
 * @param {{model: object, fields: {tokens: number, seed: number}}} options
 * @param {(words: string) => void} onWords told what has been written so far
 */
export async function run(engine, text, { model, fields }, onWords) {
  const { temperature, topK: top_k, topP: top_p } = fields;
  const asked = temperature ? { temperature, top_k, top_p } : model.get("settings");
  const settings = { ...RECORDED, ...asked };
  let soFar = "";
  const found = await engine.generate(
    text,
    { maxNewTokens: fields.tokens, seed: String(fields.seed), ...named(settings) },
    (step) => onWords((soFar += step.chosen.text)),
  );
  return {
    state: {
      model_name: found.model,
      prompt: found.prompt_tokens,
      branches: [{ parent: null, at: 0, steps: found.steps.map(stepState) }],
      can_branch: true,
      engine: true, // the page itself answers when another token is taken
      status: "",
      settings: {},
    },
    top: found.steps[0].candidates,
    spelled: found.spelled,
    words: found.text,
  };
}

export function choiceIn() {
  return { branch: 0, step: 0 };
}

/**
 * Take another token and go on from it.
 * @param {object} engine
 * @param {{text: string, seed: number}} run the run that is shown
 * @param {object} model of the view
 * @param {{branch: number, step: number, id: number, temperature: number, top_k: number | null,
 *     top_p: number | null}} message what the view asks for
 */
export async function branch(engine, { text, seed }, model, message) {
  const branches = model.get("branches");
  const steps = stepsOf(branches, message.branch);
  const replaced = steps[message.step];
  const forced = { ...replaced, chosen: replaced.ids.indexOf(message.id), forced: true };
  const before = steps.slice(0, message.step).map((step) => step.ids[step.chosen]);
  const found = await engine.generate(text, {
    ...named(message),
    seed: String(seed),
    chosen: [...before, message.id],
    maxNewTokens: Math.max(steps.length - message.step - 1, SHORTEST),
  });
  const own = [forced, ...found.steps.map(stepState)];
  return {
    branches: [...branches, { parent: message.branch, at: message.step, steps: own }],
    branch: branches.length,
    step: message.step,
  };
}

/** A branch's steps: its parent's up to where it leaves, then its own. */
function stepsOf(branches, index) {
  const { parent, at, steps } = branches[index];
  return parent === null ? steps : [...stepsOf(branches, parent).slice(0, at), ...steps];
}

function named({ temperature, top_k: topK, top_p: topP }) {
  return { temperature, topK, topP, candidates: CANDIDATES };
}

/** A step of the schema as the view reads it: llmlab/views/next_token_state.py says what is what. */
export function stepState(step) {
  const { candidates: rows, tail, draw, chosen } = step;
  const listed = Math.min(rows.length, CANDIDATES); // one drawn from the tail stands last
  const place = rows.findIndex(({ id }) => id === chosen.id);
  const drawn = rows.findIndex(({ kept, cumulative }) => kept && cumulative > draw);
  return {
    ids: rows.map(({ id }) => id),
    texts: rows.map(({ text }) => text),
    logits: arrayRecord([rows.length], rows.map(({ logit }) => logit)),
    listed,
    kept: rows.slice(0, listed).filter(({ kept }) => kept).length,
    last_cumulative: rows[rows.length - 1].cumulative,
    mass: 1 / rows[0].probability,
    kept_mass: 1 / rows[0].sampling_probability,
    tail,
    draw,
    drawn: drawn < 0 ? place : drawn,
    chosen: place,
    forced: false,
    temperature: step.temperature,
    top_k: step.top_k,
    top_p: step.top_p,
  };
}
