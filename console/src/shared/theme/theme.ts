import { createContext, useContext } from "react";
import type { ThemeName } from "./tokens";

export const ThemeContext = createContext<ThemeName>("light");

/** The theme on the screen now (the system's choice already resolved). */
export function useThemeName(): ThemeName {
  return useContext(ThemeContext);
}
