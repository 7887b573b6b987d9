import { useEffect, useState } from "react";
import { useSearchParams } from "react-router";

/** Filters of a page live in its address; an empty value leaves it. */
export function useFilters(): {
  value: (name: string) => string | undefined;
  set: (changes: Record<string, string | null | undefined>) => void;
} {
  const [params, setParams] = useSearchParams();
  return {
    value: (name) => params.get(name) ?? undefined,
    set: (changes) => {
      const next = new URLSearchParams(params);
      for (const [name, value] of Object.entries(changes)) {
        if (value) next.set(name, value);
        else next.delete(name);
      }
      setParams(next, { replace: true });
    },
  };
}

/** The value once it has rested for a moment: a query per key press would be a waste. */
export function useSettled<T>(value: T, ms = 300): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}
