import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

export default defineConfig(({ mode }) => ({
  plugins: [react()],
  // Only this machine gets tokens from `poolhouse dev`, and no page does: Vite passes the call on.
  server: { proxy: { "/_poolhouse": loadEnv(mode, process.cwd()).VITE_POOLHOUSE } },
  build: { chunkSizeWarningLimit: 1000 }, // kB, for the AWS SDK
}));
