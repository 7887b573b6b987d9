/** The bridge and the name. */
export function Wordmark({ small }: { small?: boolean }) {
  const size = small ? 22 : 30;
  return (
    <span className="wordmark">
      <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
        <rect className="wordmark-ground" width="32" height="32" rx="7" />
        <path
          className="wordmark-bridge"
          d="M5 22h22M7 22c0-7 4-11 9-11s9 4 9 11M12 22v-4.5M16 22v-5.5M20 22v-4.5"
        />
      </svg>
      {/* The product's name is the same in every language. */}
      <b translate="no">{"Rialto"}</b>
    </span>
  );
}
