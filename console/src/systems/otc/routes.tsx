import { lazy, Suspense } from "react";
import { Navigate, Route, Routes } from "react-router";
import { Skeleton } from "@/shared/states";
import { paths } from "./paths";
import "./otc.css";

const BlotterPage = lazy(() => import("./pages/trades/BlotterPage"));
const TradePage = lazy(() => import("./pages/trades/TradePage"));
const QuotesPage = lazy(() => import("./pages/quotes/QuotesPage"));
const TicketPage = lazy(() => import("./pages/quotes/TicketPage"));
const QuotePage = lazy(() => import("./pages/quotes/QuotePage"));
const ApprovalsPage = lazy(() => import("./pages/approvals/ApprovalsPage"));
const FixingsPage = lazy(() => import("./pages/fixings/FixingsPage"));
const CalendarPage = lazy(() => import("./pages/calendar/CalendarPage"));
const FlowsPage = lazy(() => import("./pages/settlement/FlowsPage"));

export default function OtcRoutes() {
  return (
    <Suspense fallback={<Skeleton rows={8} />}>
      <Routes>
        <Route index element={<Navigate to={paths.trades} replace />} />
        <Route path="trades" element={<BlotterPage />} />
        <Route path="trades/:id/*" element={<TradePage />} />
        <Route path="quotes" element={<QuotesPage />} />
        <Route path="quotes/new" element={<TicketPage />} />
        <Route path="quotes/:id" element={<QuotePage />} />
        <Route path="approvals" element={<ApprovalsPage />} />
        <Route path="fixings" element={<FixingsPage />} />
        <Route path="calendar" element={<CalendarPage />} />
        <Route path="flows" element={<FlowsPage />} />
        <Route path="*" element={<Navigate to={paths.trades} replace />} />
      </Routes>
    </Suspense>
  );
}
