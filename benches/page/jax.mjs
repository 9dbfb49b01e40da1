// The work in jax-js: forward, backward and Adam in one `jit`.
//
// Every call takes ownership of its arrays; `.ref` keeps one for another use.

import {
  defaultDevice,
  init,
  jit,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
} from "./node_modules/@jax-js/jax/dist/index.js";

import { BETA1, BETA2, EPSILON, LEARNING_RATE, NORM_EPSILON, batch, weights } from "./work.mjs";

// Returns a function that takes one step and gives its loss.
export async function open(backend, work) {
  const ready = await init(backend);
  if (!ready.includes(backend)) throw new Error(`jax-js has no ${backend} here`);
  defaultDevice(backend);

  const forward = work.kind === "mlp" ? mlp : gpt;
  const loss = (params, inputs, targets) => {
    const logits = forward(params, inputs, work);
    return np.mean(np.sum(nn.logSoftmax(logits).mul(targets), -1)).neg();
  };
  const train = jit((state, inputs, targets) => {
    const [value, gradients] = valueAndGrad(loss)(tree.ref(state.params), inputs, targets);
    return [value, adam(state, gradients)];
  });

  const classes = work.kind === "mlp" ? work.widths.at(-1) : work.vocabulary;
  const given = batch(work);
  const inputs =
    work.kind === "mlp"
      ? np.array(given.inputs).reshape([work.batch, work.widths[0]])
      : np.array(given.inputs);
  const targets = nn.oneHot(np.array(given.classes), classes);

  let state = start(weights(work));
  return async () => {
    const [value, next] = train(state, inputs.ref, targets.ref);
    state = next;
    return (await value.data())[0];
  };
}

function start(weights) {
  const each = (make) =>
    Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, make(weight)]));
  const zeros = () => each(({ shape }) => np.zeros(shape));
  return {
    params: each(({ shape, values }) => np.array(values).reshape(shape)),
    mean: zeros(),
    square: zeros(),
    decay1: np.array(1),
    decay2: np.array(1),
  };
}

// Kingma and Ba 2015, algorithm 1.
function adam({ params, mean, square, decay1, decay2 }, gradients) {
  decay1 = decay1.mul(BETA1);
  decay2 = decay2.mul(BETA2);
  mean = tree.map((m, g) => m.mul(BETA1).add(g.mul(1 - BETA1)), mean, tree.ref(gradients));
  square = tree.map(
    (s, g) => s.mul(BETA2).add(g.ref.mul(g).mul(1 - BETA2)),
    square,
    gradients,
  );
  const rate = np.array(LEARNING_RATE).div(np.array(1).sub(decay1.ref));
  const root = np.sqrt(np.array(1).sub(decay2.ref));
  params = tree.map(
    (p, m, s) => p.sub(m.mul(rate.ref).div(np.sqrt(s).div(root.ref).add(EPSILON))),
    params,
    tree.ref(mean),
    tree.ref(square),
  );
  rate.dispose();
  root.dispose();
  return { params, mean, square, decay1, decay2 };
}

function mlp(params, x, { widths }) {
  const last = widths.length - 2;
  for (let at = 0; at <= last; at++) {
    x = linear(params, `${at}`, x);
    if (at < last) x = nn.relu(x);
  }
  return x;
}

function gpt(params, tokens, { layers, heads, width, context, batch, vocabulary }) {
  // A product with one-hot rows: `jit` does not take the scatter that is the gradient of an index.
  const rows = np.matmul(nn.oneHot(tokens, vocabulary), params.tokens.ref);
  let x = rows.reshape([batch, context, width]).add(params.positions).reshape([-1, width]);
  for (let block = 0; block < layers; block++) {
    const qkv = linear(params, `${block}.qkv`, norm(params, `${block}.attention_norm`, x.ref));
    const [q, k, v] = np.split(qkv.reshape([batch, context, 3 * heads, width / heads]), 3, 2);
    const attended = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([-1, width]);
    x = x.add(linear(params, `${block}.projection`, attended));
    const up = linear(params, `${block}.up`, norm(params, `${block}.feed_forward_norm`, x.ref));
    x = x.add(linear(params, `${block}.down`, nn.gelu(up, { approximate: false })));
  }
  return np.matmul(norm(params, "norm", x), np.transpose(params.tokens));
}

function linear(params, name, x) {
  return np.matmul(x, params[`${name}.weight`]).add(params[`${name}.bias`]);
}

function norm(params, name, x) {
  // A little faster than `nn.standardize`.
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  const scaled = centred.div(np.sqrt(variance.add(NORM_EPSILON)));
  return scaled.mul(params[`${name}.weight`]).add(params[`${name}.bias`]);
}
