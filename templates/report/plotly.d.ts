// The little that the report uses of Plotly.js, which the page carries packed.
declare const Plotly: {
  newPlot(element: HTMLElement, data: object[], layout: object, config: object): Promise<unknown>;
  react(element: HTMLElement, data: object[], layout: object, config: object): Promise<unknown>;
  Plots: { resize(element: HTMLElement): Promise<unknown> };
};
