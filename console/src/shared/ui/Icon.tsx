/** The console's own line icons, 16 × 16, drawn with the colour of the text beside them. */
const PATHS = {
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  check: "m3 8.5 3.2 3.2L13 4.8",
  close: "m4 4 8 8m0-8-8 8",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.4 10.4l3.4 3.4",
  project: "M2.5 4.5v8h11v-7h-6l-1.5-2h-3.5z",
  pipeline:
    "M3.5 5.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM12.5 9.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM3.5 13.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM5 4c3.5 0 3 4 6 4M5 12c3.5 0 3-4 6-4",
  environment: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
  release: "M8 2.2 13.5 5v6L8 13.8 2.5 11V5zM2.7 5.1 8 8l5.3-2.9M8 8v5.6",
  light:
    "M8 2.5v2M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM3.6 3.6l1.2 1.2M12.4 3.6l-1.2 1.2M2 8h1.6M12.4 8H14M4.5 13.5h7",
  evidence: "M8 2.2 13 4v4c0 3-2 5-5 6-3-1-5-3-5-6V4zM5.6 8l1.8 1.8 3.2-3.4",
  token: "M10.2 9.4a3.6 3.6 0 1 0-3.4-3.4L2.5 10.3v3.2h3.2v-1.8h1.7V10h1.2zM11 5h.01",
  deployment: "M8 10.5V2.8M5 5.6l3-3 3 3M3 10v3.2h10V10",
  user: "M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 0 0 8 8ZM2.8 13.8c.5-2.6 2.5-4 5.2-4s4.7 1.4 5.2 4",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.6v1.6M8 12.8v1.6M1.6 8h1.6M12.8 8h1.6M3.5 3.5l1.1 1.1M11.4 11.4l1.1 1.1M12.5 3.5l-1.1 1.1M4.6 11.4l-1.1 1.1",
  moon: "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8Z",
  system: "M2 3h12v8H2zM5.5 13.5h5M8 11v2.5",
  language:
    "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM2.2 8h11.6M8 2c-3.6 3.6-3.6 8.4 0 12 3.6-3.6 3.6-8.4 0-12Z",
  keyboard: "M1.8 4.2h12.4v7.6H1.8zM4 6.5h.01M6.5 6.5h.01M9 6.5h.01M11.5 6.5h.01M5 9.5h6",
  download: "M8 2.5v7.5M5 7.2l3 3 3-3M3 13.5h10",
  retry: "M12.9 6.5A5.2 5.2 0 1 0 13.2 9M13.2 3v3.6H9.6",
  play: "M5 3.2 12.5 8 5 12.8z",
  stop: "M4 4h8v8H4z",
  back: "M6.5 4 3 7.5 6.5 11M3.2 7.5h6.3a3 3 0 0 1 0 6H7.5",
  link: "M6.7 9.3a2.6 2.6 0 0 0 3.7 0l2.3-2.3a2.6 2.6 0 0 0-3.7-3.7l-.9.9M9.3 6.7a2.6 2.6 0 0 0-3.7 0L3.3 9A2.6 2.6 0 0 0 7 12.7l.9-.9",
  terminal: "m3 4.5 3.5 3.5L3 11.5M8.5 12H13",
  down: "m4 6 4 4 4-4",
  right: "m6 4 4 4-4 4",
  left: "m10 4-4 4 4 4",
  wrap: "M2.5 4h11M2.5 8h8.5a2.2 2.2 0 0 1 0 4.4H8.5M9.8 10.8l-1.6 1.6 1.6 1.6M2.5 12H5",
  follow: "M8 2.5v8M4.8 7.5 8 10.7l3.2-3.2M3 13.5h10",
  top: "M8 13.5v-8M4.8 8.5 8 5.3l3.2 3.2M3 2.5h10",
  bottom: "m4 3.5 4 4 4-4M4 8.5l4 4 4-4",
  upper: "m4 7.5 4-4 4 4M4 12.5l4-4 4 4",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  fold: "M3 8h10M8 2v3.5M6.2 4 8 5.7 9.8 4M8 14v-3.5M6.2 12 8 10.3 9.8 12",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  commit: "M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM1.5 8h4M10.5 8h4",
  branch:
    "M4.5 5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM4.5 14a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM11.5 7a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM4.5 5v6M11.5 7c0 2.5-7 1.5-7 4",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.5",
  settings:
    "M2.5 4.5h6M11.5 4.5h2M10 6a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM2.5 11.5h2M7.5 11.5h6M6 13a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3Z",
  plus: "M8 3v10M3 8h10",
  warning: "M8 2.5 14 13H2zM8 6.5v3M8 11.3v.01",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.3V11M8 5v.01",
  file: "M4 2h5l3 3v9H4zM9 2v3h3",
  quote: "M3 2.5h10v11l-2-1.4-1.6 1.4L8 12.1l-1.4 1.4L5 12.1l-2 1.4zM5.5 6h5M5.5 8.8h3.5",
  contract: "M4 2h8v12H4zM6.3 5.2h3.4M6.3 7.8h3.4M6.3 10.6c.8-1 1.3-1 1.7 0s1 .6 1.7-.4",
  catalogue: "M3 2.5h4v4H3zM9.5 2.5h4v4h-4zM3 9h4v4H3zM9.5 11h4M11.5 9v4",
  calendar: "M2.5 4h11v9.5h-11zM2.5 7h11M5.5 2.3v3M10.5 2.3v3M5.5 10h.01M8 10h.01M10.5 10h.01",
  inbox: "M2.5 9 4.5 3h7l2 6v4h-11zM2.5 9h3.2l.8 1.6h3L10.3 9h3.2",
  money: "M2 4.5h12v7H2zM8 9.6a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2ZM4 8h.01M12 8h.01",
  fixing: "M2.5 11.5 6 7.5l2.5 2 5-6M10.5 3.5h3v3M2.5 13.8h11",
  signout: "M6.5 13.5h-4v-11h4M10 5l3 3-3 3M13 8H6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 14 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.45}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      style={{ flex: "none", display: "block" }}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
