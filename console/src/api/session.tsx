import { createContext, useContext } from "react";
import type { UiConfig, User } from "./contract";

/** Who is signed in, and what this server offers. */
export interface Session {
  user: User;
  config: UiConfig;
  signOut: () => Promise<void>;
}

export const SessionContext = createContext<Session | null>(null);

/** The session of the signed-in person; pages exist only inside one. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession is called outside a session");
  return session;
}
