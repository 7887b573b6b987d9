import type { Binding, BindingInput, CheckMode } from "@/api/contract.esb";

/** A binding as it is written in its form: texts, until they are handed in. */
export interface BindingForm {
  upstreams: string;
  base: string;
  total: string;
  connect: string;
  firstByte: string;
  idle: string;
  retries: string;
  /** Percent of the traffic while it is grey. */
  grey: string;
  request: CheckMode;
  response: CheckMode;
  /** Empty: as the answers of other operations, observed at most. */
  unsafe: CheckMode | "";
  /** As it was set by API; the form does not change it. */
  idempotency: BindingInput["idempotency"];
}

const EMPTY: BindingForm = {
  upstreams: "",
  base: "",
  total: "10000",
  connect: "500",
  firstByte: "3000",
  idle: "15000",
  retries: "2",
  grey: "1",
  request: "off",
  response: "off",
  unsafe: "",
  idempotency: null,
};

/** One upstream a line, `10.0.0.1:8080`, its weight behind it when it is not 1. */
export function formOf(binding: Binding["binding"] | undefined): BindingForm {
  if (!binding) return EMPTY;
  const { timeouts, validation } = binding;
  return {
    upstreams: binding.upstreams
      .map((one) => (one.weight === 1 ? one.address : `${one.address} ${one.weight}`))
      .join("\n"),
    base: binding.base_path,
    total: String(timeouts.total_ms),
    connect: String(timeouts.connect_ms),
    firstByte: String(timeouts.first_byte_ms),
    idle: String(timeouts.idle_ms),
    retries: String(binding.retries),
    grey: String(binding.grey_bp / 100),
    request: validation.request,
    response: validation.response,
    unsafe: validation.unsafe_response ?? "",
    idempotency: binding.idempotency ?? null,
  };
}

/** What is handed in, or the name of the first field that is no number. */
export function inputOf(form: BindingForm): BindingInput | keyof BindingForm {
  const whole = (text: string): number | null =>
    /^\d{1,9}$/.test(text.trim()) ? Number(text) : null;
  const lines = form.upstreams.split("\n").map((line) => line.trim());
  const upstreams = lines
    .filter((line) => line !== "")
    .map((line) => {
      const [address = "", weight = "1", ...more] = line.split(/\s+/);
      return { address, weight: more.length === 0 ? whole(weight) : null };
    });
  if (upstreams.length === 0 || upstreams.some((one) => one.weight === null)) return "upstreams";
  const numbers = ["total", "connect", "firstByte", "idle", "retries"] as const;
  for (const name of numbers) if (whole(form[name]) === null) return name;
  const grey = Number(form.grey.trim());
  if (form.grey.trim() === "" || !(grey >= 0 && grey <= 100)) return "grey";
  return {
    upstreams: upstreams.map((one) => ({ address: one.address, weight: one.weight ?? 1 })),
    base_path: form.base.trim(),
    timeouts: {
      total_ms: whole(form.total) ?? 0,
      connect_ms: whole(form.connect) ?? 0,
      first_byte_ms: whole(form.firstByte) ?? 0,
      idle_ms: whole(form.idle) ?? 0,
    },
    retries: whole(form.retries) ?? 0,
    grey_bp: Math.round(grey * 100),
    validation: {
      request: form.request,
      response: form.response,
      unsafe_response: form.unsafe === "" ? null : form.unsafe,
    },
    idempotency: form.idempotency,
  };
}
