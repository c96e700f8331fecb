import { number } from "./axes.js";
import { paced } from "./frame.js";
import { createSlider } from "./slider.js";

export const Q_STEP = 0.1; // what an arrow key moves: of the mean, and of the log-variance

/** The q of a widget's model: { read(), set({ mu, logVar }), muRange, logVarRange }; `set` keeps it in range. */
export function createQ(model) {
  const save = paced(() => model.save_changes());
  const [muRange, logVarRange] = [model.get("mu_range"), model.get("log_var_range")];
  const put = (name, value, [low, high]) => {
    if (Number.isFinite(value)) model.set(name, Math.min(high, Math.max(low, value)));
  };
  return {
    muRange,
    logVarRange,
    read: () => ({ mu: model.get("mu"), logVar: model.get("log_var") }),
    set: ({ mu, logVar }) => {
      put("mu", mu, muRange);
      put("log_var", logVar, logVarRange);
      save();
    },
  };
}

/** Sliders for the mean and, on a log scale, the standard deviation of q. Returns { elements, update() }. */
export function createQSliders(q) {
  const mean = createSlider({
    name: "μ",
    title: "mean of q",
    note: "mean",
    min: q.muRange[0],
    max: q.muRange[1],
    step: Q_STEP,
    unit: "units of z",
    format: (value) => number(value, 2),
    onInput: (mu) => q.set({ mu }),
  });
  const spread = createSlider({
    name: "σ",
    title: "standard deviation of q",
    note: "spread",
    min: q.logVarRange[0],
    max: q.logVarRange[1],
    step: Q_STEP,
    unit: "units of z",
    format: (logVar) => number(Math.exp(logVar / 2), 2),
    onInput: (logVar) => q.set({ logVar }),
  });
  const update = () => {
    const { mu, logVar } = q.read();
    mean.set(mu);
    spread.set(logVar);
  };
  return { elements: [mean.element, spread.element], update };
}
