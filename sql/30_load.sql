/*
 * 30_load: what was loaded, what was refused, and where it went.
 *
 * The ledger has one line for every object version ever loaded. Its rows, its
 * rejects and its ledger line commit in one transaction.
 */

/*
 * Several tables come with rows that users change, replace, or add to. What the
 * users' part is, stands in dumps; in a restored database it takes the place of
 * what the extension brings. So a row of the extension's keeps its name, and is
 * not deleted: it would be there again.
 */
CREATE FUNCTION olist_etl.default_row_replaced() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.is_default THEN
        RETURN NEW;
    END IF;
    -- whoever may execute this could make it a trigger of a table of his own
    CASE TG_RELID
        WHEN 'olist_etl.entity'::regclass THEN
            -- in place, as its key is referred to: by tables that are restored at the same time
            UPDATE olist_etl.entity d SET target = NEW.target, is_required = NEW.is_required
            WHERE d.entity = NEW.entity AND d.is_default;
            IF FOUND THEN
                RETURN NULL;
            END IF;
        WHEN 'olist_etl.entity_column'::regclass THEN
            DELETE FROM olist_etl.entity_column d
            WHERE d.entity = NEW.entity AND d.column_name = NEW.column_name AND d.is_default;
        WHEN 'olist_etl.object_pattern'::regclass THEN
            DELETE FROM olist_etl.object_pattern d WHERE d.pattern = NEW.pattern AND d.is_default;
        WHEN 'olist_etl.check_rule'::regclass THEN
            DELETE FROM olist_etl.check_rule d WHERE d.name = NEW.name AND d.is_default;
        ELSE
            RAISE 'table % has no rows that come with the extension', TG_RELID::regclass
                USING ERRCODE = 'wrong_object_type';
    END CASE;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION olist_etl.default_row_replaced() IS
    'Trigger: a new row takes the place of the extension''s own of the same name';

CREATE FUNCTION olist_etl.default_row_changed() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- the column that names a row, and the one by which it is switched off
    naming name := TG_ARGV[0];
    switch name := TG_ARGV[1];
    row_name text := to_jsonb(OLD) ->> naming;
BEGIN
    IF TG_OP = 'UPDATE' AND (NOT OLD.is_default OR row_name = to_jsonb(NEW) ->> naming) THEN
        NEW.is_default := false;
        RETURN NEW;
    END IF;
    -- deeper down it is replaced
    IF OLD.is_default AND pg_trigger_depth() = 1 THEN
        RAISE '"%" of % comes with the extension, and can be neither deleted nor renamed',
              row_name, TG_RELID::regclass
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = format('UPDATE %s SET %I = false WHERE %I = %L',
                                TG_RELID::regclass, switch, naming, row_name);
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION olist_etl.default_row_changed() IS
    'Trigger: a changed row is not the extension''s any more, and is dumped; the extension''s are neither deleted nor renamed';

CREATE TABLE olist_etl.entity (
    entity text PRIMARY KEY,
    target text NOT NULL UNIQUE,
    is_required boolean NOT NULL DEFAULT true,
    is_default boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE olist_etl.entity IS
    'The subjects of the source''s files and the staging table that each goes to';
COMMENT ON COLUMN olist_etl.entity.is_required IS
    'Is a source without an object of this entity an error?';

COMMENT ON COLUMN olist_etl.entity.is_default IS
    'Comes with the extension, unchanged';

INSERT INTO olist_etl.entity (entity, target, is_default)
SELECT e.entity, e.target, true
FROM (VALUES
    ('orders', 'olist_staging.orders'),
    ('customers', 'olist_staging.customers'),
    ('order_items', 'olist_staging.order_items'),
    ('order_payments', 'olist_staging.order_payments'),
    ('order_reviews', 'olist_staging.order_reviews'),
    ('products', 'olist_staging.products'),
    ('sellers', 'olist_staging.sellers'),
    ('geolocation', 'olist_staging.geolocation'),
    ('category_translation', 'olist_staging.category_translation')) AS e (entity, target);

/* the references wait until a default row's successor is there */
CREATE TABLE olist_etl.entity_column (
    entity text NOT NULL REFERENCES olist_etl.entity DEFERRABLE INITIALLY DEFERRED,
    position integer NOT NULL,
    column_name text NOT NULL,
    data_type text NOT NULL,
    is_required boolean NOT NULL,
    is_key boolean NOT NULL DEFAULT false,
    is_default boolean NOT NULL DEFAULT false,
    PRIMARY KEY (entity, position),
    UNIQUE (entity, column_name)
);
COMMENT ON TABLE olist_etl.entity_column IS
    'The columns of each entity: what staging tables and imported foreign tables are made of. The names are the source''s own, misspellings included';
COMMENT ON COLUMN olist_etl.entity_column.is_required IS
    'Is an object without this column an error? If not, it loads as NULL, and the ledger''s drift notes it';

COMMENT ON COLUMN olist_etl.entity_column.is_key IS
    'Does it come into an index of the warehouse? Then a longer text than an index can hold is rejected';
COMMENT ON COLUMN olist_etl.entity_column.is_default IS
    'Comes with the extension, unchanged';

INSERT INTO olist_etl.entity_column
    (entity, position, column_name, data_type, is_required, is_key, is_default)
SELECT c.entity, c.position, c.column_name, c.data_type, c.is_required,
       c.column_name OPERATOR(pg_catalog.=) ANY (ARRAY[
           'order_id', 'customer_id', 'customer_unique_id', 'product_id', 'seller_id', 'review_id',
           'customer_zip_code_prefix', 'seller_zip_code_prefix', 'geolocation_zip_code_prefix',
           'order_status', 'payment_type', 'product_category_name']),
       true
FROM (VALUES
    ('orders', 1, 'order_id', 'text', true),
    ('orders', 2, 'customer_id', 'text', true),
    ('orders', 3, 'order_status', 'text', true),
    ('orders', 4, 'order_purchase_timestamp', 'timestamp', true),
    ('orders', 5, 'order_approved_at', 'timestamp', false),
    ('orders', 6, 'order_delivered_carrier_date', 'timestamp', false),
    ('orders', 7, 'order_delivered_customer_date', 'timestamp', false),
    ('orders', 8, 'order_estimated_delivery_date', 'timestamp', false),
    ('customers', 1, 'customer_id', 'text', true),
    ('customers', 2, 'customer_unique_id', 'text', true),
    ('customers', 3, 'customer_zip_code_prefix', 'text', false),
    ('customers', 4, 'customer_city', 'text', false),
    ('customers', 5, 'customer_state', 'text', false),
    ('order_items', 1, 'order_id', 'text', true),
    ('order_items', 2, 'order_item_id', 'integer', true),
    ('order_items', 3, 'product_id', 'text', true),
    ('order_items', 4, 'seller_id', 'text', true),
    ('order_items', 5, 'shipping_limit_date', 'timestamp', false),
    ('order_items', 6, 'price', 'numeric', true),
    ('order_items', 7, 'freight_value', 'numeric', true),
    ('order_payments', 1, 'order_id', 'text', true),
    ('order_payments', 2, 'payment_sequential', 'integer', true),
    ('order_payments', 3, 'payment_type', 'text', true),
    ('order_payments', 4, 'payment_installments', 'integer', false),
    ('order_payments', 5, 'payment_value', 'numeric', true),
    ('order_reviews', 1, 'review_id', 'text', true),
    ('order_reviews', 2, 'order_id', 'text', true),
    ('order_reviews', 3, 'review_score', 'integer', true),
    ('order_reviews', 4, 'review_comment_title', 'text', false),
    ('order_reviews', 5, 'review_comment_message', 'text', false),
    ('order_reviews', 6, 'review_creation_date', 'timestamp', false),
    ('order_reviews', 7, 'review_answer_timestamp', 'timestamp', false),
    ('products', 1, 'product_id', 'text', true),
    ('products', 2, 'product_category_name', 'text', false),
    ('products', 3, 'product_name_lenght', 'integer', false),
    ('products', 4, 'product_description_lenght', 'integer', false),
    ('products', 5, 'product_photos_qty', 'integer', false),
    ('products', 6, 'product_weight_g', 'integer', false),
    ('products', 7, 'product_length_cm', 'integer', false),
    ('products', 8, 'product_height_cm', 'integer', false),
    ('products', 9, 'product_width_cm', 'integer', false),
    ('sellers', 1, 'seller_id', 'text', true),
    ('sellers', 2, 'seller_zip_code_prefix', 'text', false),
    ('sellers', 3, 'seller_city', 'text', false),
    ('sellers', 4, 'seller_state', 'text', false),
    ('geolocation', 1, 'geolocation_zip_code_prefix', 'text', true),
    ('geolocation', 2, 'geolocation_lat', 'double precision', true),
    ('geolocation', 3, 'geolocation_lng', 'double precision', true),
    ('geolocation', 4, 'geolocation_city', 'text', false),
    ('geolocation', 5, 'geolocation_state', 'text', false),
    ('category_translation', 1, 'product_category_name', 'text', true),
    ('category_translation', 2, 'product_category_name_english', 'text', true))
    AS c (entity, position, column_name, data_type, is_required);

CREATE TABLE olist_etl.object_pattern (
    pattern text PRIMARY KEY,
    entity text NOT NULL REFERENCES olist_etl.entity DEFERRABLE INITIALLY DEFERRED,
    enabled boolean NOT NULL DEFAULT true,
    is_default boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE olist_etl.object_pattern IS
    'Which objects under the source belong to which entity: globs (*, **, ?, {a,b}) over the path below the source''s prefix. Your own patterns go before the default ones, longer ones before shorter';

COMMENT ON COLUMN olist_etl.object_pattern.is_default IS
    'Comes with the extension, unchanged';

/* one file, several files, or a folder of files */
INSERT INTO olist_etl.object_pattern (pattern, entity, is_default)
SELECT pg_catalog.format(p.pattern, f.name), f.entity, true
FROM (VALUES
    ('olist_orders_dataset', 'orders'),
    ('olist_customers_dataset', 'customers'),
    ('olist_order_items_dataset', 'order_items'),
    ('olist_order_payments_dataset', 'order_payments'),
    ('olist_order_reviews_dataset', 'order_reviews'),
    ('olist_products_dataset', 'products'),
    ('olist_sellers_dataset', 'sellers'),
    ('olist_geolocation_dataset', 'geolocation'),
    ('product_category_name_translation', 'category_translation')) AS f (name, entity)
CROSS JOIN (VALUES ('%s{,_*,-*}.csv{,.gz,.zst}'), ('%s/**.csv{,.gz,.zst}')) AS p (pattern)
UNION ALL
SELECT e.entity OPERATOR(pg_catalog.||) '/**.csv{,.gz,.zst}', e.entity, true
FROM olist_etl.entity e;

CREATE TRIGGER default_row_replaced BEFORE INSERT ON olist_etl.entity
    FOR EACH ROW EXECUTE FUNCTION olist_etl.default_row_replaced();
CREATE TRIGGER default_row_changed BEFORE UPDATE OR DELETE ON olist_etl.entity
    FOR EACH ROW EXECUTE FUNCTION olist_etl.default_row_changed('entity', 'is_required');
CREATE TRIGGER default_row_replaced BEFORE INSERT ON olist_etl.entity_column
    FOR EACH ROW EXECUTE FUNCTION olist_etl.default_row_replaced();
CREATE TRIGGER default_row_changed BEFORE UPDATE OR DELETE ON olist_etl.entity_column
    FOR EACH ROW EXECUTE FUNCTION olist_etl.default_row_changed('column_name', 'is_required');
CREATE TRIGGER default_row_replaced BEFORE INSERT ON olist_etl.object_pattern
    FOR EACH ROW EXECUTE FUNCTION olist_etl.default_row_replaced();
CREATE TRIGGER default_row_changed BEFORE UPDATE OR DELETE ON olist_etl.object_pattern
    FOR EACH ROW EXECUTE FUNCTION olist_etl.default_row_changed('pattern', 'enabled');
COMMENT ON TRIGGER default_row_replaced ON olist_etl.entity IS
    'One''s own row takes the place of the extension''s';
COMMENT ON TRIGGER default_row_changed ON olist_etl.entity IS
    'What is changed is dumped';
COMMENT ON TRIGGER default_row_replaced ON olist_etl.entity_column IS
    'One''s own row takes the place of the extension''s';
COMMENT ON TRIGGER default_row_changed ON olist_etl.entity_column IS
    'What is changed is dumped';
COMMENT ON TRIGGER default_row_replaced ON olist_etl.object_pattern IS
    'One''s own row takes the place of the extension''s';
COMMENT ON TRIGGER default_row_changed ON olist_etl.object_pattern IS
    'What is changed is dumped';

CREATE TABLE olist_etl.source (
    name text NOT NULL,
    uri text NOT NULL,
    server name,
    is_default boolean NOT NULL DEFAULT false,
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (name, is_default)
);
COMMENT ON TABLE olist_etl.source IS
    'Where a run finds its objects; written by olist_etl.set_source()';
COMMENT ON COLUMN olist_etl.source.is_default IS
    'This row comes with the extension and counts only where there is no other of its name';
COMMENT ON COLUMN olist_etl.source.version IS
    'How often it was pointed elsewhere: what a run discovered in one version is neither staged nor published in another';

INSERT INTO olist_etl.source (name, uri, is_default) VALUES ('olist', 'sample://olist/', true);

CREATE TABLE olist_etl.ledger (
    object_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target text NOT NULL,
    entity text,
    source text,
    uri text NOT NULL,
    etag text,
    size bigint,
    last_modified timestamptz,
    rows_read bigint NOT NULL DEFAULT 0,
    rows_loaded bigint NOT NULL DEFAULT 0,
    rows_rejected bigint NOT NULL DEFAULT 0,
    run_id bigint,
    loaded_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    published_at timestamptz,
    former_published_at timestamptz,
    former_modified timestamptz,
    former_rejected bigint,
    gone_at timestamptz,
    forgotten_at timestamptz,
    is_replayed boolean NOT NULL DEFAULT false,
    is_current boolean NOT NULL,
    superseded_by bigint,
    CONSTRAINT ledger_version_key UNIQUE NULLS NOT DISTINCT (target, uri, etag, size),
    CONSTRAINT ledger_rows_check CHECK (rows_read = rows_loaded + rows_rejected)
);
COMMENT ON TABLE olist_etl.ledger IS
    'Every object version ever loaded, once: the proof that a load happened and what it gave';
COMMENT ON COLUMN olist_etl.ledger.target IS
    'The table that the rows went to, by its qualified name: OIDs do not survive dump and restore';
COMMENT ON COLUMN olist_etl.ledger.source IS
    'The source of which the object is a part; NULL when it was loaded by hand';
COMMENT ON COLUMN olist_etl.ledger.published_at IS
    'When the object''s rows became visible in the warehouse; NULL while they are only staged, and once they have been taken out again';
COMMENT ON COLUMN olist_etl.ledger.former_published_at IS
    'Of a version that came back after another and is not published again yet: published_at as it was before. Should it go, or be forgotten, this is what counts';
COMMENT ON COLUMN olist_etl.ledger.former_modified IS
    'With former_published_at: last_modified as it was then';
COMMENT ON COLUMN olist_etl.ledger.former_rejected IS
    'With former_published_at: rows_rejected as it was then';
COMMENT ON COLUMN olist_etl.ledger.gone_at IS
    'Since when a run has not found the object at its source any more; its rows stay';
COMMENT ON COLUMN olist_etl.ledger.forgotten_at IS
    'Since when olist_etl.forget() keeps this version out; its rows have left';
COMMENT ON COLUMN olist_etl.ledger.is_replayed IS
    'Shall the next run stage it again, though it has not changed? Set by olist_etl.replay_rejects()';
COMMENT ON COLUMN olist_etl.ledger.is_current IS
    'Are this version''s rows the ones that the target holds for this URI? At most one version of a URI is current';
COMMENT ON COLUMN olist_etl.ledger.superseded_by IS
    'The later version of the same URI that replaced this one''s rows';

/* one current version of an object: two sessions that load the same URI meet here */
CREATE UNIQUE INDEX ledger_current_idx ON olist_etl.ledger (target, uri) WHERE is_current;

/* what a run asks of the ledger, however long that has become */
CREATE INDEX ledger_source_idx ON olist_etl.ledger (source) WHERE is_current;
CREATE INDEX ledger_batch_idx ON olist_etl.ledger (entity, last_modified) WHERE is_current AND published_at IS NULL;
CREATE INDEX ledger_published_idx ON olist_etl.ledger (entity, last_modified) WHERE published_at IS NOT NULL;
CREATE INDEX ledger_former_idx ON olist_etl.ledger (target, uri) WHERE published_at IS NOT NULL AND NOT is_current;
CREATE INDEX ledger_forgotten_idx ON olist_etl.ledger (target, uri) WHERE forgotten_at IS NOT NULL;

/*
 * What follows refers to ledger lines without foreign keys: the tables are
 * written by our functions only, a parallel pg_restore fills them in any order,
 * and a file that is all wrong need not be checked a million times.
 */
CREATE UNLOGGED TABLE olist_etl.staged (
    object_id bigint PRIMARY KEY,
    filenode oid NOT NULL
);
COMMENT ON TABLE olist_etl.staged IS
    'The objects whose rows are in an unlogged table. Unlogged like the tables themselves, so a crash empties both together and the next run sees what to load again';
COMMENT ON COLUMN olist_etl.staged.filenode IS
    'The file of the table when the rows went in: a table truncated or made anew since then does not hold them';

CREATE TABLE olist_etl.reject (
    reject_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    object_id bigint NOT NULL,
    reason text NOT NULL,
    record bigint,
    line bigint NOT NULL,
    byte_offset bigint,
    column_name text,
    sqlstate text NOT NULL,
    message text NOT NULL,
    hint text,
    key text,
    raw bytea NOT NULL
);
COMMENT ON TABLE olist_etl.reject IS
    'Rows that could not be loaded, kept whole, with their place and reason';
COMMENT ON COLUMN olist_etl.reject.reason IS
    'object: no record of the object could be loaded, the reject stands for all. invalid: the record is no row of its table. Of rows that were staged, and found wanting when the warehouse was built: orphan: its order has not arrived; duplicate: a later row has the same key; no_key: its key is missing; out_of_range: an amount is too large';
COMMENT ON COLUMN olist_etl.reject.line IS
    'The record''s first line in the object; 0 where it is known no more: of a product or seller whose row counted, and repeated another, when it was loaded';
COMMENT ON COLUMN olist_etl.reject.record IS
    'Number of the record, 1 is the first after the header; NULL for a row that was staged';
COMMENT ON COLUMN olist_etl.reject.key IS
    'Of a row that was staged: the order, customer or member that it belongs to, by which it is found again when that changes';
COMMENT ON COLUMN olist_etl.reject.raw IS
    'The record''s bytes as they stand in the object; of a row that was staged, a JSON object of its columns';
CREATE INDEX reject_object_id_idx ON olist_etl.reject (object_id);
CREATE INDEX reject_object_idx ON olist_etl.reject (object_id) WHERE reason = 'object';
CREATE INDEX reject_staged_idx ON olist_etl.reject (object_id)
    WHERE reason IN ('orphan', 'duplicate', 'no_key', 'out_of_range');
CREATE INDEX reject_key_idx ON olist_etl.reject (key) WHERE key IS NOT NULL;
-- of customers and sellers, whose places are to be known
CREATE INDEX reject_resident_idx ON olist_etl.reject (object_id)
    WHERE reason IN ('duplicate', 'no_key')
      AND column_name IN ('customer_id', 'customer_unique_id', 'seller_id');

CREATE TABLE olist_etl.drift (
    object_id bigint NOT NULL,
    column_name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('extra', 'missing')),
    PRIMARY KEY (object_id, column_name)
);
COMMENT ON TABLE olist_etl.drift IS
    'Columns that an object had beyond its target''s, or lacked, noted once per object';


/* what a dump must hold: not the rows that come with the extension */
SELECT pg_catalog.pg_extension_config_dump('olist_etl.entity', 'WHERE NOT is_default');
SELECT pg_catalog.pg_extension_config_dump('olist_etl.entity_column', 'WHERE NOT is_default');
SELECT pg_catalog.pg_extension_config_dump('olist_etl.object_pattern', 'WHERE NOT is_default');
SELECT pg_catalog.pg_extension_config_dump('olist_etl.source', 'WHERE NOT is_default');
SELECT pg_catalog.pg_extension_config_dump('olist_etl.ledger', '');
SELECT pg_catalog.pg_extension_config_dump('olist_etl.ledger_object_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('olist_etl.reject', '');
SELECT pg_catalog.pg_extension_config_dump('olist_etl.reject_reject_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('olist_etl.drift', '');

CREATE FUNCTION olist_etl.staging_definition(
    OUT target text,
    OUT columns text,
    OUT changes text,
    OUT holds_objects boolean)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT e.target,
           string_agg(format('%I %s', c.column_name, c.data_type), ', ' ORDER BY c.position),
           string_agg(CASE WHEN a.attname IS NULL
                           THEN format('ADD %I %s', c.column_name, c.data_type)
                           ELSE format('ALTER %I TYPE %s USING NULL', c.column_name, c.data_type)
                      END, ', ' ORDER BY c.position)
               -- nearly all are called what they are, and then no name need be parsed
               FILTER (WHERE format_type(a.atttypid, NULL) IS DISTINCT FROM c.data_type
                         AND a.atttypid IS DISTINCT FROM to_regtype(c.data_type)),
           EXISTS (SELECT FROM olist_etl.staged s
                    WHERE s.filenode = pg_relation_filenode(to_regclass(e.target)))
      FROM olist_etl.entity e
      JOIN olist_etl.entity_column c ON c.entity = e.entity
      LEFT JOIN pg_attribute a
        ON a.attrelid = to_regclass(e.target) AND a.attname = c.column_name
       AND NOT a.attisdropped
     GROUP BY e.target
     ORDER BY e.target
$$;
COMMENT ON FUNCTION olist_etl.staging_definition() IS
    'The staging tables and their columns, as CREATE TABLE writes them, what of that is otherwise in a table that is there, as ALTER TABLE writes it, and whether rows of any object are known to be there';

CREATE FUNCTION olist_etl.check_staging() RETURNS void
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'olist_etl_check_staging';
COMMENT ON FUNCTION olist_etl.check_staging() IS
    'Raise an error if a staging table belongs to a role whose triggers must not run with the caller''s rights';

CREATE FUNCTION olist_etl.lock_staging() RETURNS void
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'olist_etl_lock_staging';
COMMENT ON FUNCTION olist_etl.lock_staging() IS
    'Let nobody else create or empty the staging tables until the transaction ends';

CREATE FUNCTION olist_etl.create_staging() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    staging record;
    has_rows boolean;
BEGIN
    -- two sessions that start on an empty database must not collide
    PERFORM olist_etl.lock_staging();
    PERFORM olist_etl.check_staging();
    IF to_regnamespace('olist_staging') IS NULL THEN
        CREATE SCHEMA olist_staging;
        COMMENT ON SCHEMA olist_staging IS 'The typed rows of the objects that olist_etl loads';
    END IF;
    FOR staging IN SELECT * FROM olist_etl.staging_definition()
    LOOP
        IF to_regclass(staging.target) IS NULL THEN
            EXECUTE format('CREATE UNLOGGED TABLE %s (%s, _object_id bigint, _line bigint)',
                           staging.target, staging.columns);
        ELSIF staging.changes IS NOT NULL THEN
            -- the rows were read for other columns: their objects are staged again
            EXECUTE format('TRUNCATE %s', staging.target);
            EXECUTE format('ALTER TABLE %s %s', staging.target, staging.changes);
        ELSIF NOT staging.holds_objects AND pg_relation_size(to_regclass(staging.target)) > 0 THEN
            -- the last batch was deleted from its pages
            EXECUTE format('SELECT EXISTS (SELECT FROM %s)', staging.target) INTO has_rows;
            CONTINUE WHEN NOT has_rows;
            -- left by a former life of the extension, or restored from a dump; but
            -- perhaps somebody is about to commit the first object
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', staging.target);
            IF EXISTS (SELECT FROM olist_etl.staging_definition() d
                        WHERE d.target = staging.target AND NOT d.holds_objects) THEN
                EXECUTE format('TRUNCATE %s', staging.target);
            END IF;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION olist_etl.create_staging() IS
    'Create the schema olist_staging and its tables where they are missing, give them the columns and types that olist_etl.entity_column has by now, and empty those whose rows belong to no object that is known';

CREATE FUNCTION olist_etl.staged_objects() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.object_id
    FROM olist_etl.staged s
    JOIN olist_etl.entity e ON pg_relation_filenode(to_regclass(e.target)) = s.filenode
$$;
COMMENT ON FUNCTION olist_etl.staged_objects() IS
    'The objects whose rows are in the staging tables';

CREATE FUNCTION olist_etl.former_versions(OUT object_id bigint, OUT version_id bigint)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT former.object_id, now.object_id
    FROM olist_etl.ledger now
    JOIN olist_etl.ledger former ON former.target = now.target AND former.uri = now.uri
    WHERE now.is_current
      AND NOT former.is_current
$$;
COMMENT ON FUNCTION olist_etl.former_versions() IS
    'Versions of objects that another one has replaced, and the one that counts now';

CREATE FUNCTION olist_etl.load(
    target regclass,
    uri text,
    server name DEFAULT NULL,
    on_error text DEFAULT 'stop',
    reject_limit text DEFAULT NULL,
    delimiter text DEFAULT NULL,
    quote text DEFAULT NULL,
    header boolean DEFAULT NULL,
    null_string text DEFAULT NULL,
    encoding text DEFAULT NULL,
    max_columns text DEFAULT NULL,
    max_field_bytes text DEFAULT NULL,
    max_record_bytes text DEFAULT NULL,
    reload boolean DEFAULT false,
    OUT object text,
    OUT status text,
    OUT rows_read bigint,
    OUT rows_loaded bigint,
    OUT rows_rejected bigint)
RETURNS SETOF record
    LANGUAGE c VOLATILE
    ROWS 10
    AS 'MODULE_PATHNAME', 'olist_etl_load';
COMMENT ON FUNCTION olist_etl.load(regclass, text, name, text, text, text, text, boolean, text, text, text, text, text, boolean) IS
    'Load all objects that a URI stands for into a table, each version once; a version that is loaded already is skipped';

CREATE FUNCTION olist_etl.discover(argument jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE c STRICT VOLATILE
    AS 'MODULE_PATHNAME', 'olist_etl_discover';
COMMENT ON FUNCTION olist_etl.discover(jsonb) IS
    'Task: list the source and tell which objects are to be staged';

CREATE FUNCTION olist_etl.stage(argument jsonb) RETURNS jsonb
    LANGUAGE c STRICT VOLATILE
    AS 'MODULE_PATHNAME', 'olist_etl_stage';
COMMENT ON FUNCTION olist_etl.stage(jsonb) IS
    'Task: load one discovered object into its staging table, with its rejects and its ledger line';

CREATE FUNCTION olist_etl.hold_source(argument jsonb) RETURNS void
    LANGUAGE c STRICT VOLATILE
    AS 'MODULE_PATHNAME', 'olist_etl_hold_source';
COMMENT ON FUNCTION olist_etl.hold_source(jsonb) IS
    'Part of tasks: let set_source() wait until the transaction ends, and raise an error if the source has another version than "source_version"';

CREATE FUNCTION olist_etl.pending(
    source text DEFAULT 'olist',
    OUT entity text,
    OUT uri text,
    OUT size bigint,
    OUT etag text,
    OUT last_modified timestamptz,
    OUT status text)
RETURNS SETOF record
    LANGUAGE c STRICT VOLATILE
    ROWS 10
    AS 'MODULE_PATHNAME', 'olist_etl_pending';
COMMENT ON FUNCTION olist_etl.pending(text) IS
    'What the next run would find: new, changed, lost, unpublished and replayed objects, and those that are gone from the source or forgotten';

CREATE FUNCTION olist_etl.set_source(
    uri text,
    endpoint text DEFAULT NULL,
    region text DEFAULT NULL,
    profile text DEFAULT NULL,
    access_key_id text DEFAULT NULL,
    secret_access_key text DEFAULT NULL,
    session_token text DEFAULT NULL,
    role_arn text DEFAULT NULL,
    addressing text DEFAULT NULL,
    use_http boolean DEFAULT NULL,
    anonymous boolean DEFAULT NULL,
    requester_pays boolean DEFAULT NULL,
    ambient_credentials boolean DEFAULT NULL,
    name text DEFAULT 'olist',
    options jsonb DEFAULT '{}')
RETURNS void
    LANGUAGE c VOLATILE
    AS 'MODULE_PATHNAME', 'olist_etl_set_source';
COMMENT ON FUNCTION olist_etl.set_source(text, text, text, text, text, text, text, text, text, boolean, boolean, boolean, boolean, text, jsonb) IS
    'Point a source at a directory, bucket or prefix; options that are not given are unset';
