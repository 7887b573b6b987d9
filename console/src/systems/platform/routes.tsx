import { lazy, Suspense } from "react";
import { Navigate, Route, Routes } from "react-router";
import { Skeleton } from "@/shared/states";
import "./platform.css";

const EvidencePage = lazy(() => import("./pages/EvidencePage"));
const AccountPage = lazy(() => import("./pages/AccountPage"));
const StandbyPage = lazy(() => import("./pages/StandbyPage"));
const TokensPage = lazy(() => import("./pages/TokensPage"));

export default function PlatformRoutes() {
  return (
    <Suspense fallback={<Skeleton rows={8} />}>
      <Routes>
        <Route path="evidence" element={<EvidencePage />} />
        <Route path="standby" element={<StandbyPage />} />
        <Route path="account" element={<AccountPage />} />
        <Route path="tokens" element={<TokensPage />} />
        <Route path="*" element={<Navigate to="/platform/evidence" replace />} />
      </Routes>
    </Suspense>
  );
}
