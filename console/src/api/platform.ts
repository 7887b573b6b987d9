import { get, post, put, remove } from "./client";
import type {
  EvidenceCheck,
  EvidenceHead,
  EvidenceRecord,
  IssuedToken,
  List,
  SessionAnswer,
  Token,
  UiConfig,
  User,
} from "./contract";
import type { Drill, DrillInput, Standby } from "./contract.platform";

const BASE = "/api/platform/v1";

export const platform = {
  config: () => get<UiConfig>("/ui/config.json"),
  session: () => get<SessionAnswer>(`${BASE}/sessions/current`),
  signIn: (login: string, password: string) =>
    post<SessionAnswer>(`${BASE}/sessions`, { login, password }),
  redeem: (link: string) => post<SessionAnswer>(`${BASE}/sessions/redeem`, { link }),
  signOut: () => remove(`${BASE}/sessions/current`),
  setPassword: (user: string, password: string) =>
    put<undefined>(`${BASE}/users/${encodeURIComponent(user)}/password`, { password }),
  users: (signal?: AbortSignal) => get<List<User>>(`${BASE}/users`, { page_size: 200 }, signal),
  tokens: (signal?: AbortSignal) => get<List<Token>>(`${BASE}/tokens`, { page_size: 200 }, signal),
  issueToken: (name: string, days: number) =>
    post<IssuedToken>(`${BASE}/tokens`, { name, expires_in_days: days }),
  revokeToken: (id: string) => remove(`${BASE}/tokens/${encodeURIComponent(id)}`),
  standby: (signal?: AbortSignal) => get<Standby>(`${BASE}/standby`, undefined, signal),
  drills: (signal?: AbortSignal) => get<{ items: Drill[] }>(`${BASE}/drills`, undefined, signal),
  drill: (body: DrillInput) => post<Drill>(`${BASE}/drills`, body),
  evidenceHead: (signal?: AbortSignal) =>
    get<EvidenceHead>(`${BASE}/evidence/head`, undefined, signal),
  evidenceRecords: (
    query: {
      from_seq?: number;
      type?: string;
      subject?: string;
      page_size?: number;
      page_token?: string;
    },
    signal?: AbortSignal,
  ) => get<List<EvidenceRecord>>(`${BASE}/evidence/records`, query, signal),
  evidenceCheck: () => get<EvidenceCheck>(`${BASE}/evidence/check`),
};
