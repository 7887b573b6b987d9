import { lazy, Suspense } from "react";
import { Navigate, Route, Routes } from "react-router";
import { Skeleton } from "@/shared/states";
import { paths } from "./paths";
import "./esb.css";

const CataloguePage = lazy(() => import("./pages/catalogue/CataloguePage"));
const NewInterfacePage = lazy(() => import("./pages/catalogue/NewInterfacePage"));
const InterfacePage = lazy(() => import("./pages/interface/InterfacePage"));
const ReviewsPage = lazy(() => import("./pages/reviews/ReviewsPage"));
const SystemsPage = lazy(() => import("./pages/catalogue/SystemsPage"));
const ApplicationsPage = lazy(() => import("./pages/subscriptions/ApplicationsPage"));
const SubscriptionsPage = lazy(() => import("./pages/subscriptions/SubscriptionsPage"));
const SubscribePage = lazy(() => import("./pages/subscriptions/SubscribePage"));
const SubscriptionPage = lazy(() => import("./pages/subscriptions/SubscriptionPage"));
const CredentialsPage = lazy(() => import("./pages/credentials/CredentialsPage"));
const CredentialPage = lazy(() => import("./pages/credentials/CredentialPage"));
const PublishingPage = lazy(() => import("./pages/publishing/PublishingPage"));
const CallsPage = lazy(() => import("./pages/calls/CallsPage"));
const ServicesPage = lazy(() => import("./pages/center/ServicesPage"));
const ServicePage = lazy(() => import("./pages/center/ServicePage"));
const ConfigsPage = lazy(() => import("./pages/center/ConfigsPage"));
const NewConfigPage = lazy(() => import("./pages/center/NewConfigPage"));
const ConfigPage = lazy(() => import("./pages/center/ConfigPage"));

export default function EsbRoutes() {
  return (
    <Suspense fallback={<Skeleton rows={8} />}>
      <Routes>
        <Route index element={<Navigate to={paths.interfaces} replace />} />
        <Route path="interfaces" element={<CataloguePage />} />
        <Route path="interfaces/new" element={<NewInterfacePage />} />
        <Route path="interfaces/:code/*" element={<InterfacePage />} />
        <Route path="reviews" element={<ReviewsPage />} />
        <Route path="systems" element={<SystemsPage />} />
        <Route path="applications" element={<ApplicationsPage />} />
        <Route path="subscriptions" element={<SubscriptionsPage />} />
        <Route path="subscriptions/new" element={<SubscribePage />} />
        <Route path="subscriptions/:id" element={<SubscriptionPage />} />
        <Route path="credentials" element={<CredentialsPage />} />
        <Route path="credentials/:id" element={<CredentialPage />} />
        <Route path="publishing" element={<Navigate to={paths.publishing()} replace />} />
        <Route path="publishing/:environment" element={<PublishingPage />} />
        <Route path="calls" element={<CallsPage />} />
        <Route path="services" element={<ServicesPage />} />
        <Route path="services/:namespace/:group/:name" element={<ServicePage />} />
        <Route path="configs" element={<ConfigsPage />} />
        <Route path="configs/new" element={<NewConfigPage />} />
        <Route path="configs/:namespace/:group/:id/*" element={<ConfigPage />} />
        <Route path="*" element={<Navigate to={paths.interfaces} replace />} />
      </Routes>
    </Suspense>
  );
}
