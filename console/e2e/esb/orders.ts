/** A definition the rules of the house have nothing to say of; its fields need no security administrator. */
export const ORDERS = `openapi: 3.1.0
info: {title: Orders, version: 1.0.0}
security: [{key: []}]
paths:
  /orders/{order_id}:
    get:
      operationId: getOrder
      summary: One order
      x-error-codes: [{code: E1, status: 404, meaning: unknown order}]
      parameters:
        - {name: order_id, in: path, required: true, description: Its id, schema: {type: string, maxLength: 20, x-label: none}}
      responses:
        '200':
          description: the order
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Order'}
              example: {order_id: A1, side: buy}
        '404': {description: unknown}
components:
  securitySchemes: {key: {type: apiKey, name: X-API-Key, in: header}}
  schemas:
    Order:
      type: object
      description: An order as the exchange knows it
      properties:
        order_id: {type: string, maxLength: 20, x-label: none}
        side: {type: string, enum: [buy, sell], x-label: none}
`;

/** The file cannot be read at all: a bracket is never closed. */
export const BROKEN = ORDERS.replace("enum: [buy, sell], x-label: none}", "enum: [buy, sell");

/** It can be read; a field has no label, and the rules say so. */
export const UNLABELLED = ORDERS.replace("enum: [buy, sell], x-label: none", "enum: [buy, sell]");

/** Callers of the one before it break: a field is gone and another value may come. */
export const BREAKING = ORDERS.replace("enum: [buy, sell]", "enum: [buy, sell, short]").replace(
  "summary: One order",
  "summary: One order by its id",
);
