import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const src = fileURLToPath(new URL("./src", import.meta.url));

/** Where `npm run dev` sends API calls; a real `rialto up` listens there. */
const server = process.env.RIALTO_URL ?? "http://127.0.0.1:8088";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": src } },
  // The server puts a fresh nonce in place of this word each time it serves index.html.
  html: { cspNonce: "__CSP_NONCE__" },
  server: {
    host: "127.0.0.1",
    proxy: Object.fromEntries(
      ["/api", "/ui", "/version", "/healthz", "/readyz", "/git"].map((path) => [
        path,
        { target: server, changeOrigin: false },
      ]),
    ),
  },
  build: {
    target: "es2023",
    sourcemap: false,
    // Inlined assets would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      output: {
        // Chunks shared by many pages would otherwise be named after all of them.
        chunkFileNames: (chunk) =>
          chunk.name.length > 32 ? "assets/shared-[hash].js" : "assets/[name]-[hash].js",
        codeSplitting: {
          groups: [
            {
              name: "react",
              test: /node_modules[\\/](react|react-dom|scheduler|react-router)[\\/]/,
              priority: 30,
            },
            {
              name: "antd",
              test: /node_modules[\\/](antd|@ant-design|@rc-component|rc-[a-z-]+)[\\/]/,
              priority: 20,
              entriesAware: true,
            },
          ],
        },
      },
    },
  },
});
