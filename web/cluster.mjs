// Loads the program of the cluster's page, and says what to do if it does not arrive.
import initializer from "./loading.mjs";

const loading = initializer();
try {
  const { default: start } = await import("./cluster.js");
  await start();
  loading.onSuccess();
} catch (error) {
  loading.onFailure(error);
}
