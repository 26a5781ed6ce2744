/*
 * 42_merge: a batch into the warehouse that is there.
 *
 * There is one implementation of every rule, the build_… functions. A merge
 * gives them, beside the batch in staging, everything in the warehouse that the
 * batch can have an effect on, in the shape of staged rows (olist_build.prior_…
 * named after an entity) or as it is (named after a table). What they build is
 * then what a whole build would have made of the same orders, persons, members
 * and places; it replaces those, and nothing else is looked at.
 *
 * An object that has changed is staged whole, though perhaps few of its rows
 * differ from those of its former versions. So they are compared first, and
 * orders and customers of which all is as it was are left out
 * (olist_build.staged_… named after an entity is what remains).
 *
 *     staged rows, withdrawn objects ─► what differs
 *       ─► zip prefixes ─► dim_geography
 *       ─► products, sellers ─► dim_product, dim_seller
 *       ─► orders, those of items whose member or place changed,
 *          and all other orders of their persons ─► dim_customer ─► facts
 */

CREATE FUNCTION olist_etl.has_warehouse() RETURNS boolean
LANGUAGE C STRICT STABLE
AS 'MODULE_PATHNAME', 'olist_etl_has_warehouse';
COMMENT ON FUNCTION olist_etl.has_warehouse() IS
    'Is there a warehouse with all its tables, so that a batch can be merged into it?';

CREATE FUNCTION olist_etl.clean_build(argument jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_clean_build';
COMMENT ON FUNCTION olist_etl.clean_build(jsonb) IS
    'Task: make sure that olist_build and olist_dw are the caller''s, and drop what an unfinished build has left in olist_build';

CREATE FUNCTION olist_etl.withdrawn_objects(
    OUT object_id bigint, OUT version_id bigint, OUT is_forgotten boolean, OUT entity text)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    -- what is staged, should it have been published before, and its former versions: a version
    -- that came back after another may have been, whatever its line says by now
    SELECT former.object_id, batch.object_id,
           -- what it has shown of members, it shows anew
           former.object_id = batch.object_id AND batch.published_at IS NOT NULL,
           former.entity
    FROM olist_etl.staged s
    JOIN olist_etl.ledger batch USING (object_id)
    JOIN olist_etl.ledger former ON former.target = batch.target AND former.uri = batch.uri
    WHERE batch.is_current
      AND (batch.published_at IS NOT NULL
           OR EXISTS (SELECT FROM olist_etl.ledger other
                      WHERE other.target = batch.target
                        AND other.uri = batch.uri
                        AND other.object_id <> batch.object_id))
    UNION
    -- what was published, and has no version any more
    SELECT former.object_id, NULL, true, former.entity
    FROM olist_etl.ledger former
    WHERE former.published_at IS NOT NULL
      AND NOT former.is_current
      AND NOT EXISTS (SELECT FROM olist_etl.ledger c
                      WHERE c.target = former.target
                        AND c.uri = former.uri
                        AND c.is_current)
$$;
COMMENT ON FUNCTION olist_etl.withdrawn_objects() IS
    'The objects whose rows the next merge takes out of the warehouse, unless the batch shows them again; with the version in the batch that takes their place';

CREATE FUNCTION olist_etl.waiting_rejects(
    entity text, keys text[],
    OUT reject_id bigint, OUT object_id bigint, OUT line bigint, OUT reason text, OUT staged jsonb)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    -- first the keys, once: not for each object of the ledger again
    WITH waiting AS MATERIALIZED (
        SELECT r.*
        FROM olist_etl.reject r
        WHERE r.key = ANY (keys)
          AND r.reason IN ('orphan', 'duplicate')
    )
    SELECT w.reject_id, w.object_id, w.line, w.reason,
           convert_from(w.raw, 'UTF8')::jsonb
    FROM waiting w
    JOIN olist_etl.ledger l USING (object_id)
    WHERE l.entity = waiting_rejects.entity
      -- a row that did not change with its object is still the former version's
      AND (l.is_current OR l.superseded_by IS NOT NULL)
$$;
COMMENT ON FUNCTION olist_etl.waiting_rejects(text, text[]) IS
    'Rejected rows that a change of the orders or members with these keys could bring back';

CREATE FUNCTION olist_etl.waiting_entities(keys text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH waiting AS MATERIALIZED (
        SELECT DISTINCT r.object_id
        FROM olist_etl.reject r
        WHERE r.key = ANY (keys)
          AND r.reason IN ('orphan', 'duplicate')
    )
    SELECT DISTINCT l.entity
    FROM waiting w
    JOIN olist_etl.ledger l USING (object_id)
    WHERE l.entity IN ('orders', 'order_items', 'order_payments', 'order_reviews', 'customers')
$$;
COMMENT ON FUNCTION olist_etl.waiting_entities(text[]) IS
    'The entities of which waiting_rejects() could find rows with one of these keys';

CREATE FUNCTION olist_etl.rejects_of_objects(
    objects bigint[],
    OUT reject_id bigint, OUT object_id bigint, OUT line bigint, OUT reason text)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.reject_id, r.object_id, r.line, r.reason
    FROM olist_etl.reject r
    WHERE r.object_id = ANY (objects)
      AND r.reason IN ('orphan', 'duplicate', 'no_key', 'out_of_range')
$$;
COMMENT ON FUNCTION olist_etl.rejects_of_objects(bigint[]) IS
    'Rows of these objects that were staged and found wanting';

CREATE FUNCTION olist_etl.merge_waiting(entity text, keys text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('WITH waiting AS (
                        SELECT *
                        FROM olist_etl.waiting_rejects(%2$L, $1)
                        WHERE object_id NOT IN (SELECT _object_id FROM olist_build.withdrawn)
                    ), as_staged AS (
                        INSERT INTO olist_build.%1$I
                        SELECT (jsonb_populate_record(NULL::olist_build.%1$I, staged)).*
                        FROM waiting
                    )
                    INSERT INTO olist_build.prior_reject
                    SELECT reject_id, object_id, line, reason
                    FROM waiting',
                   'prior_' || entity, entity)
        USING keys;
END
$$;
COMMENT ON FUNCTION olist_etl.merge_waiting(text, text[]) IS
    'Part of build_batch(): let the rejected rows of an entity that have one of these keys try again';

/*
 * Members of a dimension that the batch does not change, but that its facts
 * refer to: they are looked up in olist_build like the others, and found equal
 * when all is merged. Of a member that the batch touches nothing is taken over:
 * what its versions are now stands in olist_build, or it goes. wanted is a query for
 * distinct values of a column.
 */
CREATE FUNCTION olist_etl.merge_keep(dimension text, natural_key text, wanted_column text, wanted text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    columns text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
    FROM pg_attribute
    WHERE attrelid = format('olist_build.%I', dimension)::regclass
      AND attnum > 0
      AND NOT attisdropped;
    -- most are there already: those need not be looked up
    EXECUTE format('INSERT INTO olist_build.%1$I (%2$s)
                    SELECT %2$s
                    FROM (SELECT %4$I FROM (%5$s) AS wanted (%4$I)
                          EXCEPT
                          SELECT %4$I FROM olist_build.%1$I) AS missing
                    JOIN olist_dw.%1$I AS kept USING (%4$I)
                    WHERE NOT EXISTS (SELECT FROM olist_build.%6$I AS touched
                                      WHERE touched.%3$I = kept.%3$I)',
                   dimension, columns, natural_key, wanted_column, wanted, 'prior_' || dimension);
END
$$;
COMMENT ON FUNCTION olist_etl.merge_keep(text, text, text, text) IS
    'Part of build_batch(): take over the unchanged members of a dimension that facts refer to';

CREATE FUNCTION olist_etl.create_work_table(name text, columns text, long_rows boolean) RETURNS void
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_create_work_table';
COMMENT ON FUNCTION olist_etl.create_work_table(text, text, boolean) IS
    'Part of build_batch(): create a table of olist_build, with a TOAST table only when there are rows longer than a page';

CREATE FUNCTION olist_etl.merge_tables(long_rows boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM olist_etl.create_work_table(t.name, t.columns, long_rows)
    FROM (VALUES
        ('differing', 'order_id text COLLATE "C", customer_id text COLLATE "C"'),
        ('prior_dim_geography', 'zip_code_prefix text COLLATE "C", geography_key bigint'),
        ('prior_geography_point', 'zip_code_prefix text COLLATE "C", _object_id bigint,
                                   latitude double precision[], longitude double precision[],
                                   place integer[], cities text[], states text[]'),
        ('prior_resident', 'zip_code_prefix text COLLATE "C", city text, state text, id text'),
        ('prior_dim_seller', 'seller_key bigint, seller_id text COLLATE "C", zip_code_prefix text,
                              city text, state text, geography_key bigint,
                              valid_from timestamp, valid_to timestamp,
                              _object_id bigint, _line bigint, is_inferred boolean'),
        ('prior_dim_product', 'product_key bigint, product_id text COLLATE "C", category text,
                               name_length integer, description_length integer,
                               photos_qty integer, weight_g integer, length_cm integer,
                               height_cm integer, width_cm integer,
                               valid_from timestamp, valid_to timestamp,
                               _object_id bigint, _line bigint, is_inferred boolean'),
        ('touched_category', 'category text COLLATE "C"'),
        ('prior_category_translation', 'product_category_name text COLLATE "C",
                                        product_category_name_english text,
                                        _object_id bigint, _line bigint'),
        ('prior_fact_order', 'order_key bigint, order_id text COLLATE "C", customer_key bigint'),
        ('prior_dim_customer', 'customer_key bigint, customer_unique_id text COLLATE "C",
                                valid_from timestamp'),
        ('prior_customer_account', 'customer_id text COLLATE "C"'),
        ('prior_customers', 'customer_id text COLLATE "C", customer_unique_id text COLLATE "C",
                             customer_zip_code_prefix text COLLATE "C", customer_city text,
                             customer_state text, _object_id bigint, _line bigint'),
        ('prior_orders', 'order_id text COLLATE "C", customer_id text COLLATE "C",
                          order_status text COLLATE "C", order_purchase_timestamp timestamp,
                          order_approved_at timestamp, order_delivered_carrier_date timestamp,
                          order_delivered_customer_date timestamp,
                          order_estimated_delivery_date timestamp,
                          _object_id bigint, _line bigint'),
        ('prior_order_items', 'order_id text COLLATE "C", order_item_id integer,
                               product_id text COLLATE "C", seller_id text COLLATE "C",
                               shipping_limit_date timestamp, price numeric,
                               freight_value numeric, _object_id bigint, _line bigint'),
        ('prior_order_payments', 'order_id text COLLATE "C", payment_sequential integer,
                                  payment_type text COLLATE "C", payment_installments integer,
                                  payment_value numeric, _object_id bigint, _line bigint'),
        ('prior_order_reviews', 'review_id text COLLATE "C", order_id text COLLATE "C",
                                 review_score integer, review_comment_title text,
                                 review_comment_message text, review_creation_date timestamp,
                                 review_answer_timestamp timestamp,
                                 _object_id bigint, _line bigint'),
        ('prior_reject', 'reject_id bigint, object_id bigint, line bigint, reason text'))
        AS t (name, columns);
    IF long_rows THEN
        ALTER TABLE olist_build.prior_geography_point
            ALTER latitude SET STORAGE EXTERNAL,
            ALTER longitude SET STORAGE EXTERNAL,
            ALTER place SET STORAGE EXTERNAL;
    END IF;
END
$$;
COMMENT ON FUNCTION olist_etl.merge_tables(boolean) IS
    'Part of build_batch(): the tables for what the warehouse holds of all that the batch touches';

CREATE FUNCTION olist_etl.analyze_if_large(work_table regclass) RETURNS void
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- without statistics it is taken for small, or for having few different keys
    IF pg_relation_size(work_table) > 1000000 THEN
        EXECUTE format('ANALYZE %s', work_table);
    END IF;
END
$$;
COMMENT ON FUNCTION olist_etl.analyze_if_large(regclass) IS
    'Part of build_batch(): let what follows know of a work table with many rows';

CREATE FUNCTION olist_etl.rejected_residents(
    withdrawn bigint[],
    OUT zip_code_prefix text, OUT city text, OUT state text, OUT id text, OUT is_withdrawn boolean)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.staged ->> (r.resident || '_zip_code_prefix'),
           r.staged ->> (r.resident || '_city'),
           r.staged ->> (r.resident || '_state'),
           r.staged ->> (r.resident || '_id'),
           r.is_withdrawn
    FROM (SELECT rtrim(l.entity, 's') AS resident,
                 convert_from(r.raw, 'UTF8')::jsonb AS staged,
                 l.object_id = ANY (withdrawn) AS is_withdrawn
          FROM olist_etl.reject r
          JOIN olist_etl.ledger l USING (object_id)
          WHERE r.reason IN ('duplicate', 'no_key')
            AND r.column_name IN ('customer_id', 'customer_unique_id', 'seller_id')
            AND l.entity IN ('customers', 'sellers')
            AND (l.object_id = ANY (withdrawn)
                 OR EXISTS (SELECT FROM olist_etl.ledger c
                            WHERE c.target = l.target
                              AND c.uri = l.uri
                              AND c.is_current))) AS r
$$;
COMMENT ON FUNCTION olist_etl.rejected_residents(bigint[]) IS
    'Where customers and sellers live whose rows were staged and found wanting: those of objects that count, and of the withdrawn ones';

CREATE FUNCTION olist_etl.merge_places() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    withdraws boolean := EXISTS (SELECT FROM olist_build.withdrawn);
    compares boolean := EXISTS (SELECT FROM olist_build.withdrawn WHERE entity = 'customers');
BEGIN
    -- prefixes whose points come or go; and of those without points, the ones whose residents do
    INSERT INTO olist_build.prior_dim_geography
    SELECT touched.zip_code_prefix, g.geography_key
    FROM (SELECT geolocation_zip_code_prefix COLLATE "C" AS zip_code_prefix
          FROM olist_staging.geolocation
          UNION
          SELECT p.zip_code_prefix
          FROM olist_dw.geography_point p
          JOIN olist_build.withdrawn w ON w._object_id = p._object_id
          WHERE withdraws
          UNION
          SELECT r.zip_code_prefix
          FROM (SELECT customer_zip_code_prefix
                FROM olist_staging.customers
                WHERE NOT compares
                   OR customer_id IS NULL
                   OR customer_id IN (SELECT customer_id FROM olist_build.differing)
                UNION
                SELECT seller_zip_code_prefix FROM olist_staging.sellers
                UNION
                SELECT a.zip_code_prefix
                FROM olist_build.differing d
                JOIN olist_dw.customer_account a USING (customer_id)
                WHERE compares
                UNION
                SELECT s.zip_code_prefix
                FROM olist_dw.dim_seller s
                JOIN olist_build.withdrawn w ON w._object_id = s._object_id AND w.is_forgotten
                WHERE withdraws) AS r (zip_code_prefix)
          LEFT JOIN olist_dw.dim_geography g ON g.zip_code_prefix = r.zip_code_prefix
          WHERE coalesce(g.point_count, 0) = 0) AS touched
    LEFT JOIN olist_dw.dim_geography g ON g.zip_code_prefix = touched.zip_code_prefix
    WHERE touched.zip_code_prefix IS NOT NULL
    -- new ones get their keys in this order, whatever the plan
    ORDER BY touched.zip_code_prefix;
    IF withdraws THEN
        PERFORM olist_etl.withdraw_places();
    END IF;

    INSERT INTO olist_build.prior_geography_point
    SELECT p.*
    FROM olist_build.prior_dim_geography z
    JOIN olist_dw.geography_point p ON p.zip_code_prefix = z.zip_code_prefix
    WHERE NOT EXISTS (SELECT FROM olist_build.withdrawn w WHERE w._object_id = p._object_id);

    INSERT INTO olist_build.prior_resident
    WITH pointless AS (
        SELECT zip_code_prefix, geography_key
        FROM olist_build.prior_dim_geography z
        WHERE NOT EXISTS (SELECT FROM olist_build.prior_geography_point p
                          WHERE p.zip_code_prefix = z.zip_code_prefix)
          AND NOT EXISTS (SELECT FROM olist_staging.geolocation g
                          WHERE g.geolocation_zip_code_prefix = z.zip_code_prefix)
    )
    SELECT a.zip_code_prefix, a.city, a.state, a.customer_id AS id
    FROM pointless z
    JOIN olist_dw.customer_account a ON a.zip_code_prefix = z.zip_code_prefix
    WHERE NOT EXISTS (SELECT FROM olist_build.withdrawn w
                      JOIN olist_build.differing d ON d.customer_id = a.customer_id
                      WHERE w._object_id = a._object_id)
    UNION ALL
    SELECT s.zip_code_prefix, s.city, s.state, s.seller_id
    FROM pointless z
    JOIN olist_dw.dim_seller s ON s.geography_key = z.geography_key
    WHERE NOT EXISTS (SELECT FROM olist_build.withdrawn w
                      WHERE w._object_id = s._object_id AND w.is_forgotten);
    IF withdraws THEN
        PERFORM olist_etl.withdraw_residents();
    ELSIF EXISTS (SELECT FROM olist_build.prior_dim_geography) THEN
        -- rows that are rejected vote, too: whether they count may not be known yet
        INSERT INTO olist_build.prior_resident
        SELECT r.zip_code_prefix, r.city, r.state, r.id
        FROM olist_etl.rejected_residents('{}') r
        JOIN olist_build.prior_dim_geography z USING (zip_code_prefix);
    END IF;

    PERFORM olist_etl.build_dim_geography();
END
$$;
COMMENT ON FUNCTION olist_etl.merge_places() IS
    'Part of build_batch(): the zip prefixes that the batch touches';

CREATE FUNCTION olist_etl.merge_members() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    forgets boolean := EXISTS (SELECT FROM olist_build.withdrawn WHERE is_forgotten);
    translates boolean := EXISTS (SELECT FROM olist_staging.category_translation)
                       OR EXISTS (SELECT FROM olist_build.withdrawn);
    compares boolean := EXISTS (SELECT FROM olist_build.withdrawn WHERE entity = 'order_items');
BEGIN
    -- a version that only a forgotten object showed is as if it were only named
    INSERT INTO olist_build.prior_dim_seller
    SELECT s.seller_key, s.seller_id, s.zip_code_prefix, s.city, s.state, s.geography_key,
           s.valid_from, s.valid_to, s._object_id, s._line,
           s.is_inferred OR EXISTS (SELECT FROM olist_build.withdrawn w
                                    WHERE w._object_id = s._object_id AND w.is_forgotten)
               AS is_inferred
    FROM (SELECT seller_id FROM olist_staging.sellers
          UNION
          SELECT seller_id
          FROM olist_staging.order_items
          WHERE NOT compares
             OR order_id IS NULL
             OR order_id IN (SELECT order_id FROM olist_build.differing)
          UNION
          SELECT f.seller_id
          FROM olist_dw.dim_seller f
          JOIN olist_build.withdrawn w ON w._object_id = f._object_id AND w.is_forgotten
          WHERE forgets) AS touched
    JOIN olist_dw.dim_seller s ON s.seller_id = touched.seller_id;
    INSERT INTO olist_build.prior_dim_product
    SELECT p.product_key, p.product_id, p.category, p.name_length, p.description_length,
           p.photos_qty, p.weight_g, p.length_cm, p.height_cm, p.width_cm,
           p.valid_from, p.valid_to, p._object_id, p._line,
           p.is_inferred OR EXISTS (SELECT FROM olist_build.withdrawn w
                                    WHERE w._object_id = p._object_id AND w.is_forgotten)
               AS is_inferred
    FROM (SELECT product_id FROM olist_staging.products
          UNION
          SELECT product_id
          FROM olist_staging.order_items
          WHERE NOT compares
             OR order_id IS NULL
             OR order_id IN (SELECT order_id FROM olist_build.differing)
          UNION
          SELECT f.product_id
          FROM olist_dw.dim_product f
          JOIN olist_build.withdrawn w ON w._object_id = f._object_id AND w.is_forgotten
          WHERE forgets
          UNION
          -- all products of a category whose English name changes
          SELECT c.product_id
          FROM olist_staging.category_translation s
          FULL JOIN olist_dw.category_translation t ON t.category = s.product_category_name
          JOIN olist_dw.dim_product c ON c.category = coalesce(s.product_category_name, t.category)
          WHERE translates
            AND (s.product_category_name IS NOT NULL
                 AND s.product_category_name_english IS DISTINCT FROM t.category_english
                 OR EXISTS (SELECT FROM olist_build.withdrawn w WHERE w._object_id = t._object_id)))
        AS touched
    JOIN olist_dw.dim_product p ON p.product_id = touched.product_id;

    PERFORM olist_etl.merge_shown('seller');
    PERFORM olist_etl.merge_shown('product');
    IF EXISTS (SELECT FROM olist_build.withdrawn) THEN
        PERFORM olist_etl.withdraw_members('seller');
        PERFORM olist_etl.withdraw_members('product');
    END IF;

    IF translates THEN
        INSERT INTO olist_build.touched_category
        SELECT category FROM olist_dw.category_translation;
    END IF;
    INSERT INTO olist_build.prior_category_translation
    SELECT t.category AS product_category_name,
           t.category_english AS product_category_name_english,
           t._object_id, t._line
    FROM olist_dw.category_translation t
    WHERE NOT EXISTS (SELECT FROM olist_build.withdrawn w WHERE w._object_id = t._object_id);
    IF translates THEN
        PERFORM olist_etl.merge_waiting(
            'category_translation',
            ARRAY(SELECT product_category_name FROM olist_staging.category_translation
                  UNION
                  SELECT t.category
                  FROM olist_dw.category_translation t
                  JOIN olist_build.withdrawn w ON w._object_id = t._object_id));
    END IF;

    PERFORM olist_etl.merge_keep('dim_geography', 'zip_code_prefix', 'zip_code_prefix',
                                 'SELECT seller_zip_code_prefix FROM olist_staging.sellers
                                  UNION
                                  SELECT zip_code_prefix FROM olist_build.prior_dim_seller');
    PERFORM olist_etl.build_dim_seller();
    PERFORM olist_etl.build_dim_product();

    -- members that are only named again have no other versions now: nothing of them is compared
    IF NOT EXISTS (SELECT FROM olist_build.withdrawn) THEN
        IF NOT EXISTS (SELECT FROM olist_staging.sellers) THEN
            DELETE FROM olist_build.prior_dim_seller;
        END IF;
        IF NOT translates AND NOT EXISTS (SELECT FROM olist_staging.products) THEN
            DELETE FROM olist_build.prior_dim_product;
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION olist_etl.merge_members() IS
    'Part of build_batch(): the products and sellers that the batch touches';

CREATE FUNCTION olist_etl.merge_moved() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    n bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM olist_build.prior_dim_product)
       AND NOT EXISTS (SELECT FROM olist_build.prior_dim_seller)
       AND NOT EXISTS (SELECT FROM olist_build.prior_dim_geography WHERE geography_key IS NOT NULL)
    THEN
        RETURN;
    END IF;
    CREATE TABLE olist_build.moved AS
    -- versions of products and sellers that begin or end otherwise
    SELECT p.product_key, NULL::bigint AS seller_key, NULL::bigint AS geography_key, change.since
    FROM (SELECT product_id, min(valid_from) AS since
          FROM (SELECT * FROM (SELECT product_id, product_key, valid_from
                               FROM olist_build.prior_dim_product
                               WHERE product_key IS NOT NULL
                               EXCEPT
                               SELECT product_id, product_key, valid_from
                               FROM olist_build.dim_product) AS ended
                UNION
                SELECT * FROM (SELECT product_id, product_key, valid_from
                               FROM olist_build.dim_product
                               EXCEPT
                               SELECT product_id, product_key, valid_from
                               FROM olist_build.prior_dim_product) AS begun) AS changed
          GROUP BY product_id) AS change
    JOIN olist_build.prior_dim_product p USING (product_id)
    UNION ALL
    SELECT NULL, s.seller_key, NULL, change.since
    FROM (SELECT seller_id, min(valid_from) AS since
          FROM (SELECT * FROM (SELECT seller_id, seller_key, valid_from
                               FROM olist_build.prior_dim_seller
                               WHERE seller_key IS NOT NULL
                               EXCEPT
                               SELECT seller_id, seller_key, valid_from
                               FROM olist_build.dim_seller) AS ended
                UNION
                SELECT * FROM (SELECT seller_id, seller_key, valid_from
                               FROM olist_build.dim_seller
                               EXCEPT
                               SELECT seller_id, seller_key, valid_from
                               FROM olist_build.prior_dim_seller) AS begun) AS changed
          GROUP BY seller_id) AS change
    JOIN olist_build.prior_dim_seller s USING (seller_id)
    UNION ALL
    -- sellers whose version turned out to be elsewhere
    SELECT NULL, s.seller_key, NULL, '-infinity'
    FROM olist_build.prior_dim_seller s
    JOIN olist_build.dim_seller n USING (seller_key)
    WHERE n.geography_key <> s.geography_key
    UNION ALL
    -- prefixes whose points have moved
    SELECT NULL, NULL, p.geography_key, '-infinity'
    FROM olist_build.prior_dim_geography p
    JOIN olist_build.dim_geography n USING (geography_key)
    JOIN olist_dw.dim_geography g USING (geography_key)
    WHERE (n.latitude, n.longitude) IS DISTINCT FROM (g.latitude, g.longitude);
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n > 0 THEN
        INSERT INTO olist_build.prior_fact_order
        SELECT DISTINCT o.order_key, o.order_id, o.customer_key
        FROM olist_build.moved m
        CROSS JOIN LATERAL (
            SELECT order_key FROM olist_dw.fact_order_item WHERE product_key = m.product_key
            UNION ALL
            SELECT order_key FROM olist_dw.fact_order_item WHERE seller_key = m.seller_key
            UNION ALL
            SELECT order_key FROM olist_dw.fact_order_item
            WHERE seller_geography_key = m.geography_key
            UNION ALL
            SELECT order_key FROM olist_dw.fact_order_item
            WHERE customer_geography_key = m.geography_key) AS i
        JOIN olist_dw.fact_order o USING (order_key)
        WHERE coalesce(o.purchased_at, '-infinity') >= m.since
          AND NOT EXISTS (SELECT FROM olist_build.prior_fact_order p
                          WHERE p.order_key = o.order_key);
    END IF;
END
$$;
COMMENT ON FUNCTION olist_etl.merge_moved() IS
    'Part of build_batch(): the orders of items that show products, sellers or places otherwise now';

CREATE FUNCTION olist_etl.merge_orders() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    compared text[] := ARRAY(SELECT DISTINCT entity FROM olist_build.withdrawn);
BEGIN
    -- the key is NULL of an order that is new
    INSERT INTO olist_build.prior_fact_order
    SELECT o.order_key, touched.order_id, o.customer_key
    FROM (SELECT order_id COLLATE "C" AS order_id
          FROM olist_staging.orders WHERE 'orders' <> ALL (compared)
          UNION
          SELECT order_id
          FROM olist_staging.order_items WHERE 'order_items' <> ALL (compared)
          UNION
          SELECT order_id
          FROM olist_staging.order_payments WHERE 'order_payments' <> ALL (compared)
          UNION
          SELECT order_id
          FROM olist_staging.order_reviews WHERE 'order_reviews' <> ALL (compared)
          UNION
          SELECT order_id FROM olist_build.differing) AS touched
    LEFT JOIN olist_dw.fact_order o ON o.order_id = touched.order_id
    WHERE touched.order_id IS NOT NULL;
    PERFORM olist_etl.analyze_if_large('olist_build.prior_fact_order');

    PERFORM olist_etl.merge_moved();

    -- a person's versions follow from all of the person's orders; the key is NULL of who is new
    INSERT INTO olist_build.prior_dim_customer
    SELECT c.customer_key, touched.customer_unique_id, c.valid_from
    FROM (SELECT customer_unique_id COLLATE "C" AS customer_unique_id
          FROM olist_staging.customers
          WHERE 'customers' <> ALL (compared)
             OR customer_id IN (SELECT customer_id FROM olist_build.differing)
          UNION
          -- whoever had the customer_id before: another person, or an inferred one
          SELECT coalesce(a.customer_unique_id, s.customer_id)
          FROM (SELECT customer_id
                FROM olist_staging.customers
                WHERE 'customers' <> ALL (compared)
                UNION
                SELECT customer_id
                FROM olist_staging.orders
                WHERE 'orders' <> ALL (compared)
                UNION
                SELECT o.customer_id
                FROM olist_build.differing
                JOIN olist_staging.orders o USING (order_id)
                UNION
                SELECT customer_id FROM olist_build.differing) AS s
          LEFT JOIN olist_dw.customer_account a ON a.customer_id = s.customer_id
          UNION
          SELECT c.customer_unique_id
          FROM olist_build.prior_fact_order o
          JOIN olist_dw.dim_customer c USING (customer_key)
          WHERE c.customer_key <> -1) AS touched
    LEFT JOIN olist_dw.dim_customer c ON c.customer_unique_id = touched.customer_unique_id
                                     AND c.customer_key <> -1
    WHERE touched.customer_unique_id IS NOT NULL;
    IF compared <> '{}' THEN
        PERFORM olist_etl.withdraw_persons();
    END IF;
    PERFORM olist_etl.analyze_if_large('olist_build.prior_dim_customer');
    INSERT INTO olist_build.prior_fact_order
    SELECT o.order_key, o.order_id, o.customer_key
    FROM olist_build.prior_dim_customer c
    JOIN olist_dw.fact_order o USING (customer_key)
    WHERE NOT EXISTS (SELECT FROM olist_build.prior_fact_order p
                      WHERE p.order_key = o.order_key);
    PERFORM olist_etl.analyze_if_large('olist_build.prior_fact_order');

    INSERT INTO olist_build.prior_customer_account
    SELECT a.customer_id
    FROM (SELECT DISTINCT customer_unique_id
          FROM olist_build.prior_dim_customer
          WHERE customer_key IS NOT NULL) AS touched
    JOIN olist_dw.customer_account a USING (customer_unique_id);
    PERFORM olist_etl.analyze_if_large('olist_build.prior_customer_account');
END
$$;
COMMENT ON FUNCTION olist_etl.merge_orders() IS
    'Part of build_batch(): the orders and persons that the batch touches';

CREATE FUNCTION olist_etl.merge_prior_rows() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    withdraws boolean := EXISTS (SELECT FROM olist_build.withdrawn);
    compares boolean := EXISTS (SELECT FROM olist_build.withdrawn WHERE entity = 'customers');
    prior record;
    order_ids text[];
    customer_ids text[];
    waiting text;
BEGIN
    FOR prior IN SELECT * FROM olist_etl.merged_entities() LOOP
        -- where nothing is withdrawn, the planner is not to think of looking at every row for it
        EXECUTE format('INSERT INTO olist_build.%1$I
                        SELECT *
                        FROM (%2$s) AS held
                        %3$s',
                       'prior_' || prior.entity, olist_etl.held_rows(prior.entity, prior.scope),
                       CASE WHEN withdraws
                            THEN 'WHERE (_object_id IN (SELECT _object_id FROM olist_build.withdrawn))
                                        IS NOT TRUE'
                       END);
    END LOOP;
    -- what is touched for another reason than a difference may be staged too
    FOR prior IN SELECT * FROM olist_etl.merged_entities() WHERE withdrawn IS NOT NULL LOOP
        EXECUTE format('INSERT INTO olist_build.%2$I
                        SELECT *
                        FROM olist_staging.%1$I AS s
                        WHERE %3$I IN (SELECT %3$I FROM %4$s)
                          AND NOT EXISTS (SELECT FROM olist_build.differing AS d
                                          WHERE d.%3$I = s.%3$I)',
                       prior.entity, 'staged_' || prior.entity, prior.key, prior.scope);
    END LOOP;

    -- rows that were rejected for what may have changed: they try again, and may fail again
    SELECT array_agg(order_id) INTO order_ids FROM olist_build.prior_fact_order;
    SELECT array_agg(customer_id) INTO customer_ids
    FROM (SELECT customer_id
          FROM olist_staging.customers
          WHERE NOT compares
             OR customer_id IN (SELECT customer_id FROM olist_build.differing)
          UNION
          SELECT customer_id FROM olist_build.prior_customer_account) AS touched;
    FOR waiting IN SELECT * FROM olist_etl.waiting_entities(order_ids || customer_ids) LOOP
        PERFORM olist_etl.merge_waiting(
            waiting, CASE waiting WHEN 'customers' THEN customer_ids ELSE order_ids END);
    END LOOP;
END
$$;
COMMENT ON FUNCTION olist_etl.merge_prior_rows() IS
    'Part of build_batch(): what the warehouse holds of the touched orders and persons, as rows of the source';

CREATE FUNCTION olist_etl.merge_builds(long_rows boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
SET seq_page_cost = 0.05
SET random_page_cost = 0.05
SET cpu_operator_cost = 0.0005
SET work_mem = '32MB'
AS $$
BEGIN
    PERFORM olist_etl.merge_tables(long_rows);
    PERFORM olist_etl.merge_compare();
    -- rows of objects that are withdrawn, which may be rejected again
    INSERT INTO olist_build.prior_reject
    SELECT r.reject_id, r.object_id, r.line, r.reason
    FROM olist_etl.rejects_of_objects((SELECT array_agg(_object_id) FROM olist_build.withdrawn))
        AS r;
    PERFORM olist_etl.merge_showings('seller');
    PERFORM olist_etl.merge_showings('product');
    PERFORM olist_etl.merge_places();
    PERFORM olist_etl.merge_members();
    PERFORM olist_etl.merge_orders();
    PERFORM olist_etl.merge_prior_rows();
    IF EXISTS (SELECT FROM olist_build.withdrawn) THEN
        PERFORM olist_etl.withdraw_values('dim_order_status', 'order_status_key', 'order_status',
                                          'fact_order', 'orders');
        PERFORM olist_etl.withdraw_values('dim_payment_type', 'payment_type_key', 'payment_type',
                                          'fact_payment', 'order_payments');
        PERFORM olist_etl.withdraw_dates();
    END IF;

    PERFORM olist_etl.merge_keep('dim_geography', 'zip_code_prefix', 'zip_code_prefix',
                                 format('SELECT customer_zip_code_prefix FROM %s
                                         UNION
                                         SELECT customer_zip_code_prefix
                                         FROM olist_build.prior_customers',
                                        olist_etl.staged_rows('customers')));
    PERFORM olist_etl.merge_keep('dim_product', 'product_id', 'product_id',
                                 format('SELECT product_id FROM %s
                                         UNION
                                         SELECT product_id FROM olist_build.prior_order_items',
                                        olist_etl.staged_rows('order_items')));
    PERFORM olist_etl.merge_keep('dim_seller', 'seller_id', 'seller_id',
                                 format('SELECT seller_id FROM %s
                                         UNION
                                         SELECT seller_id FROM olist_build.prior_order_items',
                                        olist_etl.staged_rows('order_items')));
    PERFORM olist_etl.merge_keep('dim_geography', 'zip_code_prefix', 'geography_key',
                                 'SELECT DISTINCT geography_key FROM olist_build.dim_seller');

    PERFORM olist_etl.build_dim_date();
    PERFORM olist_etl.build_dim_order_status();
    PERFORM olist_etl.build_dim_payment_type();
    PERFORM olist_etl.build_dim_customer();
    PERFORM olist_etl.build_fact_order();
    PERFORM olist_etl.build_fact_order_item();
    PERFORM olist_etl.build_fact_payment();
    PERFORM olist_etl.build_fact_review();
END
$$;
COMMENT ON FUNCTION olist_etl.merge_builds(boolean) IS
    'Part of build_batch(): all of its builds, and what they read';

CREATE FUNCTION olist_etl.build_batch(argument jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM olist_etl.hold_source(argument);
    PERFORM olist_etl.clean_build();
    CREATE TABLE olist_build.batch AS
    SELECT object_id FROM olist_etl.staged_objects() AS s (object_id);
    PERFORM olist_etl.create_work_table(
        'withdrawn', '_object_id bigint, version_id bigint, is_forgotten boolean, entity text', false);
    INSERT INTO olist_build.withdrawn
    SELECT * FROM olist_etl.withdrawn_objects();
    BEGIN
        -- the points of a prefix are a long row
        PERFORM olist_etl.merge_builds(
            EXISTS (SELECT FROM olist_staging.geolocation)
            OR EXISTS (SELECT FROM olist_build.withdrawn)
               AND EXISTS (SELECT FROM olist_build.withdrawn
                           JOIN olist_dw.geography_point USING (_object_id)));
    EXCEPTION WHEN program_limit_exceeded THEN
        -- so is some other, to the surprise of all
        PERFORM olist_etl.merge_builds(true);
    END;
    RETURN jsonb_build_object(
        'orders', (SELECT count(*) FROM olist_build.prior_fact_order),
        'persons', (SELECT count(DISTINCT customer_unique_id) FROM olist_build.prior_dim_customer),
        'withdrawn', (SELECT count(*) FROM olist_build.withdrawn));
END
$$;
COMMENT ON FUNCTION olist_etl.build_batch(jsonb) IS
    'Task: build, in olist_build, what the staged batch makes of everything in the warehouse that it touches, at a cost that follows the batch; publish() merges it into olist_dw';

CREATE FUNCTION olist_etl.merge(argument jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM olist_etl.build_batch(argument);
    RETURN olist_etl.publish();
END
$$;
COMMENT ON FUNCTION olist_etl.merge(jsonb) IS
    'Task: merge what is staged into the warehouse olist_dw, in one transaction: build_batch() and publish()';
