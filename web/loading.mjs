// Shows how far the page's program has come, and what to do if it does not arrive.
export default function initializer() {
  const text = document.getElementById("loading-text");
  const bar = document.getElementById("loading");
  const say = (words) => {
    if (text) text.textContent = words;
  };
  return {
    onStart: () => {},
    onProgress: ({ current, total }) => {
      if (bar && total) bar.value = current / total;
    },
    onComplete: () => say("Starting…"),
    onSuccess: () => {},
    onFailure: (error) => {
      document.querySelector("main").dataset.status = "failed";
      const supported = typeof WebAssembly === "object";
      say(
        supported
          ? `The page's program did not start (${error}). Reload the page; if that does not help, use a current Chrome, Edge, Firefox or Safari.`
          : "This browser has no WebAssembly. Use a current Chrome, Edge, Firefox or Safari.",
      );
    },
  };
}
