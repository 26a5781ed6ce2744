/*
 * 30_load: what was loaded, what was refused, and where it went.
 *
 * The ledger has one line for every object version ever loaded. Its rows, its
 * rejects and its ledger line commit in one transaction.
 */

CREATE TABLE olist_etl.entity (
    entity text PRIMARY KEY,
    target text NOT NULL UNIQUE
);
COMMENT ON TABLE olist_etl.entity IS
    'The subjects of the source''s files and the staging table that each goes to';

INSERT INTO olist_etl.entity (entity, target) VALUES
    ('orders', 'olist_staging.orders'),
    ('customers', 'olist_staging.customers'),
    ('order_items', 'olist_staging.order_items'),
    ('order_payments', 'olist_staging.order_payments'),
    ('order_reviews', 'olist_staging.order_reviews'),
    ('products', 'olist_staging.products'),
    ('sellers', 'olist_staging.sellers'),
    ('geolocation', 'olist_staging.geolocation'),
    ('category_translation', 'olist_staging.category_translation');

CREATE TABLE olist_etl.object_pattern (
    pattern text PRIMARY KEY,
    entity text NOT NULL REFERENCES olist_etl.entity,
    is_default boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE olist_etl.object_pattern IS
    'Which objects under the source belong to which entity: globs over the path below the source''s prefix';

INSERT INTO olist_etl.object_pattern (pattern, entity, is_default) VALUES
    ('olist_orders_dataset*.csv*', 'orders', true),
    ('olist_customers_dataset*.csv*', 'customers', true),
    ('olist_order_items_dataset*.csv*', 'order_items', true),
    ('olist_order_payments_dataset*.csv*', 'order_payments', true),
    ('olist_order_reviews_dataset*.csv*', 'order_reviews', true),
    ('olist_products_dataset*.csv*', 'products', true),
    ('olist_sellers_dataset*.csv*', 'sellers', true),
    ('olist_geolocation_dataset*.csv*', 'geolocation', true),
    ('product_category_name_translation*.csv*', 'category_translation', true);

CREATE TABLE olist_etl.source (
    name text PRIMARY KEY,
    uri text NOT NULL,
    server name
);
COMMENT ON TABLE olist_etl.source IS
    'Where a run finds its objects; written by olist_etl.set_source()';

CREATE TABLE olist_etl.ledger (
    object_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target text NOT NULL,
    entity text,
    uri text NOT NULL,
    etag text,
    size bigint,
    last_modified timestamptz,
    rows_read bigint NOT NULL,
    rows_loaded bigint NOT NULL,
    rows_rejected bigint NOT NULL,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    superseded_by bigint REFERENCES olist_etl.ledger,
    CONSTRAINT ledger_version_key UNIQUE NULLS NOT DISTINCT (target, uri, etag, size),
    CONSTRAINT ledger_rows_check CHECK (rows_read = rows_loaded + rows_rejected)
);
COMMENT ON TABLE olist_etl.ledger IS
    'Every object version ever loaded, once: the proof that a load happened and what it gave';
COMMENT ON COLUMN olist_etl.ledger.published_at IS
    'When the object''s rows became visible in the warehouse; NULL while they are only staged';
COMMENT ON COLUMN olist_etl.ledger.superseded_by IS
    'The later version of the same URI that replaced this one''s rows';

CREATE UNLOGGED TABLE olist_etl.staged (
    object_id bigint PRIMARY KEY
);
COMMENT ON TABLE olist_etl.staged IS
    'The objects whose rows are in staging. Unlogged like the staging tables, so a crash empties both together and the next run sees what to load again';

CREATE TABLE olist_etl.reject (
    reject_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    object_id bigint NOT NULL REFERENCES olist_etl.ledger ON DELETE CASCADE,
    reason text NOT NULL,
    record bigint NOT NULL,
    line bigint NOT NULL,
    byte_offset bigint NOT NULL,
    column_name text,
    sqlstate text NOT NULL,
    message text NOT NULL,
    raw bytea NOT NULL
);
COMMENT ON TABLE olist_etl.reject IS
    'Rows that could not be loaded, kept whole, with their place and reason';
CREATE INDEX reject_object_id_idx ON olist_etl.reject (object_id);

CREATE TABLE olist_etl.drift (
    object_id bigint NOT NULL REFERENCES olist_etl.ledger ON DELETE CASCADE,
    column_name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('extra', 'missing')),
    PRIMARY KEY (object_id, column_name)
);
COMMENT ON TABLE olist_etl.drift IS
    'Columns that an object had beyond its target''s, or lacked, noted once per object';

CREATE FUNCTION olist_etl.create_staging() RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    CREATE SCHEMA IF NOT EXISTS olist_staging;

    CREATE UNLOGGED TABLE IF NOT EXISTS olist_staging.orders (
        order_id text,
        customer_id text,
        order_status text,
        order_purchase_timestamp timestamp,
        order_approved_at timestamp,
        order_delivered_carrier_date timestamp,
        order_delivered_customer_date timestamp,
        order_estimated_delivery_date timestamp,
        _object_id bigint,
        _line bigint
    );
    CREATE UNLOGGED TABLE IF NOT EXISTS olist_staging.customers (
        customer_id text,
        customer_unique_id text,
        customer_zip_code_prefix text,
        customer_city text,
        customer_state text,
        _object_id bigint,
        _line bigint
    );
    CREATE UNLOGGED TABLE IF NOT EXISTS olist_staging.order_items (
        order_id text,
        order_item_id integer,
        product_id text,
        seller_id text,
        shipping_limit_date timestamp,
        price numeric,
        freight_value numeric,
        _object_id bigint,
        _line bigint
    );
    CREATE UNLOGGED TABLE IF NOT EXISTS olist_staging.order_payments (
        order_id text,
        payment_sequential integer,
        payment_type text,
        payment_installments integer,
        payment_value numeric,
        _object_id bigint,
        _line bigint
    );
    CREATE UNLOGGED TABLE IF NOT EXISTS olist_staging.order_reviews (
        review_id text,
        order_id text,
        review_score integer,
        review_comment_title text,
        review_comment_message text,
        review_creation_date timestamp,
        review_answer_timestamp timestamp,
        _object_id bigint,
        _line bigint
    );
    CREATE UNLOGGED TABLE IF NOT EXISTS olist_staging.products (
        product_id text,
        product_category_name text,
        product_name_lenght integer,
        product_description_lenght integer,
        product_photos_qty integer,
        product_weight_g integer,
        product_length_cm integer,
        product_height_cm integer,
        product_width_cm integer,
        _object_id bigint,
        _line bigint
    );
    CREATE UNLOGGED TABLE IF NOT EXISTS olist_staging.sellers (
        seller_id text,
        seller_zip_code_prefix text,
        seller_city text,
        seller_state text,
        _object_id bigint,
        _line bigint
    );
    CREATE UNLOGGED TABLE IF NOT EXISTS olist_staging.geolocation (
        geolocation_zip_code_prefix text,
        geolocation_lat double precision,
        geolocation_lng double precision,
        geolocation_city text,
        geolocation_state text,
        _object_id bigint,
        _line bigint
    );
    CREATE UNLOGGED TABLE IF NOT EXISTS olist_staging.category_translation (
        product_category_name text,
        product_category_name_english text,
        _object_id bigint,
        _line bigint
    );
END
$$;
COMMENT ON FUNCTION olist_etl.create_staging() IS
    'Create the schema olist_staging and its tables where they are missing. The column names are the source''s own, misspellings included';
