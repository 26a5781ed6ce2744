/*
 * 43_withdraw: what only rows that are withdrawn have shown goes with them.
 *
 * Orders, persons and places that a batch touches are built again as a whole
 * build would build them. But rows also name what stands beside them: statuses,
 * payment types, days, and products and sellers that have not arrived. Of those,
 * the ones that withdrawn rows name are looked at here, and the ones that no
 * other row names go; a row that was rejected names what it names, as a whole
 * build would read it, too.
 *
 *     withdrawn rows ─► what they name ─┬─ other facts name it (by index) ───► stays
 *                                       ├─ rejected rows name it ────────────► stays
 *                                       └─ nothing does ─────────────────────► goes
 *
 * A row is withdrawn when its object is, and its order is touched: one that the
 * object's next version shows as it was stays where it is. Where no object is
 * withdrawn none of this is executed.
 */

CREATE FUNCTION olist_etl.rejected_rows(
    entity text, withdrawn bigint[], OUT staged jsonb, OUT is_withdrawn boolean)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT convert_from(r.raw, 'UTF8')::jsonb, l.object_id = ANY (withdrawn)
    FROM olist_etl.ledger l
    JOIN olist_etl.reject r USING (object_id)
    WHERE l.entity = rejected_rows.entity
      AND r.reason IN ('orphan', 'duplicate', 'no_key', 'out_of_range')
      AND (l.object_id = ANY (withdrawn)
           OR EXISTS (SELECT FROM olist_etl.ledger c
                      WHERE c.target = l.target
                        AND c.uri = l.uri
                        AND c.is_current))
$$;
COMMENT ON FUNCTION olist_etl.rejected_rows(text, bigint[]) IS
    'Rows of an entity that were staged and found wanting: those of objects that count, and of the withdrawn ones';

CREATE FUNCTION olist_etl.member_attributes(member text) RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
    FROM pg_attribute
    WHERE attrelid = format('olist_build.prior_dim_%s', member)::regclass
      AND attnum > 0
      AND attname NOT IN (member || '_key', '_object_id', '_line', 'is_inferred')
$$;
COMMENT ON FUNCTION olist_etl.member_attributes(text) IS
    'Part of build_batch(): what a version of a product or seller says of it, as a list of columns';

/*
 * Products or sellers that have not arrived, and that a withdrawn row names: of
 * these, and of members that only forgotten objects have shown, the ones that no
 * other row names lose their name, and so are not built.
 */
CREATE FUNCTION olist_etl.withdraw_members(member text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_seqscan = off
AS $$
DECLARE
    withdrawn bigint[] := ARRAY(SELECT _object_id FROM olist_build.withdrawn);
    attributes text := olist_etl.member_attributes(member);
    n bigint;
BEGIN
    EXECUTE format('INSERT INTO olist_build.prior_dim_%1$s
                        (%1$s_key, %2$s, _object_id, _line, is_inferred)
                    SELECT %1$s_key, %2$s, _object_id, _line, is_inferred
                    FROM (SELECT d.%1$s_id
                          FROM olist_build.differing
                          JOIN olist_dw.fact_order USING (order_id)
                          JOIN olist_dw.fact_order_item i USING (order_key)
                          JOIN olist_dw.dim_%1$s d USING (%1$s_key)
                          WHERE d.is_inferred AND i._object_id = ANY ($1)
                          UNION
                          SELECT d.%1$s_id
                          FROM olist_etl.rejected_rows(''order_items'', $1) r
                          JOIN olist_dw.dim_%1$s d ON d.%1$s_id = r.staged ->> %3$L
                          WHERE r.is_withdrawn AND d.is_inferred) AS touched
                    JOIN olist_dw.dim_%1$s d USING (%1$s_id)
                    WHERE d.%1$s_key <> -1
                      AND NOT EXISTS (SELECT FROM olist_build.prior_dim_%1$s p
                                      WHERE p.%1$s_key = d.%1$s_key)',
                   member, attributes, member || '_id') USING withdrawn;

    EXECUTE format('CREATE TABLE olist_build.unnamed_%1$s AS
                    SELECT %1$s_id
                    FROM olist_build.prior_dim_%1$s
                    GROUP BY %1$s_id
                    HAVING bool_and(is_inferred)', member);
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n = 0 THEN
        RETURN;
    END IF;
    EXECUTE format('DELETE FROM olist_build.unnamed_%1$s
                    WHERE %1$s_id IN (SELECT %1$s_id FROM olist_staging.order_items
                                      UNION ALL
                                      SELECT %1$s_id FROM olist_staging.%1$ss)', member);
    IF to_regclass(format('olist_build.prior_%ss', member)) IS NOT NULL THEN
        EXECUTE format('DELETE FROM olist_build.unnamed_%1$s u
                        USING olist_build.prior_%1$ss s
                        WHERE s.%1$s_id = u.%1$s_id', member);
    END IF;
    EXECUTE format('DELETE FROM olist_build.unnamed_%1$s u
                    USING olist_build.prior_dim_%1$s p
                    WHERE p.%1$s_id = u.%1$s_id
                      AND EXISTS (SELECT FROM olist_dw.fact_order_item i
                                  WHERE i.%1$s_key = p.%1$s_key
                                    AND ((i._object_id = ANY ($1)) IS NOT TRUE
                                         OR i.order_key NOT IN
                                            (SELECT o.order_key
                                             FROM olist_build.differing
                                             JOIN olist_dw.fact_order o USING (order_id)))
                                  OFFSET 0)', member) USING withdrawn;
    EXECUTE format('SELECT count(*) FROM olist_build.unnamed_%1$s', member) INTO n;
    IF n > 0 THEN
        EXECUTE format('DELETE FROM olist_build.unnamed_%1$s u
                        USING olist_etl.rejected_rows(''order_items'', $1) r
                        WHERE r.staged ->> %2$L = u.%1$s_id
                          AND NOT r.is_withdrawn', member, member || '_id') USING withdrawn;
        EXECUTE format('UPDATE olist_build.prior_dim_%1$s p
                        SET %1$s_id = NULL
                        FROM olist_build.unnamed_%1$s u
                        WHERE u.%1$s_id = p.%1$s_id', member);
    END IF;
END
$$;
COMMENT ON FUNCTION olist_etl.withdraw_members(text) IS
    'Part of build_batch(): products or sellers that nothing shows any more are only inferred, and those that nothing names either go';

/*
 * The residents whom only rejected rows know of, and whom only a forgotten object
 * was the first to show: a prefix without points is what its residents say.
 */
CREATE FUNCTION olist_etl.withdraw_places() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    withdrawn bigint[] := ARRAY(SELECT _object_id FROM olist_build.withdrawn);
BEGIN
    CREATE TABLE olist_build.other_resident AS
    SELECT r.zip_code_prefix COLLATE "C" AS zip_code_prefix, r.city, r.state, r.id, r.is_withdrawn
    FROM olist_etl.rejected_residents(withdrawn) r;

    INSERT INTO olist_build.prior_dim_geography (zip_code_prefix, geography_key)
    SELECT DISTINCT g.zip_code_prefix, g.geography_key
    FROM olist_build.other_resident r
    JOIN olist_dw.dim_geography g USING (zip_code_prefix)
    WHERE r.is_withdrawn
      AND g.point_count = 0
      AND g.geography_key <> -1
      AND NOT EXISTS (SELECT FROM olist_build.prior_dim_geography p
                      WHERE p.zip_code_prefix = g.zip_code_prefix);
END
$$;
COMMENT ON FUNCTION olist_etl.withdraw_places() IS
    'Part of build_batch(): the zip prefixes that withdrawn rows were rejected with';

CREATE FUNCTION olist_etl.withdraw_residents() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    IF to_regclass('olist_build.shown_seller') IS NOT NULL THEN
        INSERT INTO olist_build.other_resident
        SELECT d.zip_code_prefix, d.city, d.state, d.seller_id, false
        FROM olist_build.shown_seller s
        JOIN olist_dw.dim_seller d USING (seller_key);
    END IF;
    INSERT INTO olist_build.prior_resident (zip_code_prefix, city, state, id)
    SELECT r.zip_code_prefix, r.city, r.state, r.id
    FROM olist_build.other_resident r
    JOIN olist_build.prior_dim_geography z USING (zip_code_prefix)
    WHERE NOT r.is_withdrawn
      AND NOT EXISTS (SELECT FROM olist_build.prior_geography_point p
                      WHERE p.zip_code_prefix = r.zip_code_prefix)
      AND NOT EXISTS (SELECT FROM olist_staging.geolocation g
                      WHERE g.geolocation_zip_code_prefix = r.zip_code_prefix);
END
$$;
COMMENT ON FUNCTION olist_etl.withdraw_residents() IS
    'Part of build_batch(): who is known to live in the touched prefixes without points, beside those whom the warehouse has';

/* statuses and payment types: the names of a dimension that only withdrawn rows have */
CREATE FUNCTION olist_etl.withdraw_values(
    dimension text, key text, name text, fact text, entity text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_seqscan = off
AS $$
DECLARE
    withdrawn bigint[] := ARRAY(SELECT _object_id FROM olist_build.withdrawn);
    n bigint;
BEGIN
    EXECUTE format('CREATE TABLE olist_build.gone_%1$I AS
                    SELECT d.%2$I, d.%3$I
                    FROM (SELECT f.%2$I
                          FROM olist_build.prior_fact_order t
                          JOIN olist_dw.%4$I f USING (order_key)
                          WHERE f._object_id = ANY (%6$L)
                          UNION
                          SELECT r.%2$I
                          FROM olist_etl.rejected_rows(%5$L, %6$L) AS rejected
                          JOIN olist_dw.%1$I r ON r.%3$I = rejected.staged ->> %3$L
                          WHERE rejected.is_withdrawn) AS named
                    JOIN olist_dw.%1$I d USING (%2$I)
                    WHERE d.%2$I <> -1
                      AND NOT EXISTS (SELECT FROM olist_dw.%4$I f
                                      WHERE f.%2$I = d.%2$I
                                        AND ((f._object_id = ANY (%6$L)) IS NOT TRUE
                                             OR f.order_key NOT IN
                                                (SELECT order_key FROM olist_build.prior_fact_order
                                                 WHERE order_key IS NOT NULL))
                                      OFFSET 0)',
                   dimension, key, name, fact, entity, withdrawn);
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n > 0 THEN
        EXECUTE format('DELETE FROM olist_build.gone_%1$I gone
                        USING olist_etl.rejected_rows(%3$L, $1) AS rejected
                        WHERE rejected.staged ->> %2$L = gone.%2$I
                          AND NOT rejected.is_withdrawn',
                       dimension, name, entity) USING withdrawn;
    END IF;
END
$$;
COMMENT ON FUNCTION olist_etl.withdraw_values(text, text, text, text, text) IS
    'Part of build_batch(): the rows of a dimension of distinct values that nothing has any more';

CREATE FUNCTION olist_etl.rejected_dates(
    withdrawn bigint[], OUT at timestamp, OUT is_withdrawn boolean)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (r.staged ->> d.column_name)::timestamp, r.is_withdrawn
    FROM (VALUES ('orders', 'order_purchase_timestamp'),
                 ('orders', 'order_approved_at'),
                 ('orders', 'order_delivered_carrier_date'),
                 ('orders', 'order_delivered_customer_date'),
                 ('orders', 'order_estimated_delivery_date'),
                 ('order_items', 'shipping_limit_date'),
                 ('order_reviews', 'review_creation_date'),
                 ('order_reviews', 'review_answer_timestamp')) AS d (entity, column_name)
    CROSS JOIN LATERAL olist_etl.rejected_rows(d.entity, withdrawn) AS r
$$;
COMMENT ON FUNCTION olist_etl.rejected_dates(bigint[]) IS
    'Part of build_batch(): the dates that rejected rows have';

/* the years of which only withdrawn rows have a day: then dim_date is built as a whole */
CREATE FUNCTION olist_etl.withdraw_dates() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_seqscan = off
AS $$
DECLARE
    withdrawn bigint[] := ARRAY(SELECT _object_id FROM olist_build.withdrawn);
BEGIN
    CREATE TABLE olist_build.withdrawn_year AS
    SELECT DISTINCT extract(year FROM t.at)::integer AS year
    FROM (SELECT unnest(ARRAY[o.purchased_at, o.approved_at, o.carrier_at, o.delivered_at,
                              o.estimated_at])
          FROM olist_build.prior_fact_order t
          JOIN olist_dw.fact_order o USING (order_key)
          WHERE o._object_id = ANY (withdrawn)
          UNION ALL
          SELECT i.shipping_limit
          FROM olist_build.prior_fact_order t
          JOIN olist_dw.fact_order_item i USING (order_key)
          WHERE i._object_id = ANY (withdrawn)
          UNION ALL
          SELECT unnest(ARRAY[r.created_at, r.answered_at])
          FROM olist_build.prior_fact_order t
          JOIN olist_dw.fact_review r USING (order_key)
          WHERE r._object_id = ANY (withdrawn)
          UNION ALL
          SELECT r.at FROM olist_etl.rejected_dates(withdrawn) r WHERE r.is_withdrawn) AS t (at)
    WHERE isfinite(t.at);
    DELETE FROM olist_build.withdrawn_year y
    WHERE EXISTS (SELECT FROM olist_dw.fact_order f
                  WHERE f.purchase_date_key BETWEEN y.year * 10000 AND y.year * 10000 + 9999
                    AND ((f._object_id = ANY (withdrawn)) IS NOT TRUE
                         OR f.order_key NOT IN (SELECT order_key FROM olist_build.prior_fact_order
                                                WHERE order_key IS NOT NULL))
                  OFFSET 0)
       OR EXISTS (SELECT FROM olist_dw.fact_order f
                  WHERE f.estimated_date_key BETWEEN y.year * 10000 AND y.year * 10000 + 9999
                    AND ((f._object_id = ANY (withdrawn)) IS NOT TRUE
                         OR f.order_key NOT IN (SELECT order_key FROM olist_build.prior_fact_order
                                                WHERE order_key IS NOT NULL))
                  OFFSET 0);
    IF EXISTS (SELECT FROM olist_build.withdrawn_year) THEN
        PERFORM olist_etl.withdraw_years(withdrawn);
    END IF;
END
$$;
COMMENT ON FUNCTION olist_etl.withdraw_dates() IS
    'Part of build_batch(): the years that only withdrawn rows have';

CREATE FUNCTION olist_etl.withdraw_years(withdrawn bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    CREATE TABLE olist_build.other_date AS
    SELECT min(t.at) AS date
    FROM (SELECT unnest(ARRAY[o.purchased_at, o.approved_at, o.carrier_at, o.delivered_at,
                              o.estimated_at])
          FROM olist_dw.fact_order o
          WHERE (o._object_id = ANY (withdrawn)) IS NOT TRUE
             OR o.order_key NOT IN (SELECT order_key FROM olist_build.prior_fact_order
                                    WHERE order_key IS NOT NULL)
          UNION ALL
          SELECT i.shipping_limit
          FROM olist_dw.fact_order_item i
          WHERE (i._object_id = ANY (withdrawn)) IS NOT TRUE
             OR i.order_key NOT IN (SELECT order_key FROM olist_build.prior_fact_order
                                    WHERE order_key IS NOT NULL)
          UNION ALL
          SELECT unnest(ARRAY[r.created_at, r.answered_at])
          FROM olist_dw.fact_review r
          WHERE (r._object_id = ANY (withdrawn)) IS NOT TRUE
             OR r.order_key NOT IN (SELECT order_key FROM olist_build.prior_fact_order
                                    WHERE order_key IS NOT NULL)
          UNION ALL
          SELECT r.at FROM olist_etl.rejected_dates(withdrawn) r WHERE NOT r.is_withdrawn) AS t (at)
    WHERE isfinite(t.at)
    GROUP BY extract(year FROM t.at);
    IF EXISTS (SELECT y.year FROM olist_build.withdrawn_year y
               EXCEPT
               SELECT extract(year FROM o.date) FROM olist_build.other_date o) THEN
        CREATE TABLE olist_build.prior_dim_date AS
        SELECT date_key FROM olist_dw.dim_date;
    ELSE
        DROP TABLE olist_build.other_date;
    END IF;
END
$$;
COMMENT ON FUNCTION olist_etl.withdraw_years(bigint[]) IS
    'Part of build_batch(): a date of each year that rows have which are not withdrawn, if one of the withdrawn rows'' years is not among them';

/* persons of whom a row that lost against a withdrawn one tells again */
CREATE FUNCTION olist_etl.withdraw_persons() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    INSERT INTO olist_build.prior_dim_customer (customer_key, customer_unique_id, valid_from)
    SELECT c.customer_key, touched.customer_unique_id, c.valid_from
    FROM (SELECT r.staged ->> 'customer_unique_id' COLLATE "C" AS customer_unique_id
          FROM olist_etl.waiting_rejects(
                   'customers',
                   ARRAY(SELECT customer_id
                         FROM olist_build.differing
                         WHERE customer_id IS NOT NULL)) r
          UNION
          SELECT coalesce(a.customer_unique_id, r.staged ->> 'customer_id')
          FROM olist_etl.waiting_rejects(
                   'orders', ARRAY(SELECT order_id FROM olist_build.prior_fact_order)) r
          LEFT JOIN olist_dw.customer_account a ON a.customer_id = r.staged ->> 'customer_id')
        AS touched
    LEFT JOIN olist_dw.dim_customer c ON c.customer_unique_id = touched.customer_unique_id
                                     AND c.customer_key <> -1
    WHERE touched.customer_unique_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM olist_build.prior_dim_customer p
                      WHERE p.customer_unique_id = touched.customer_unique_id);
END
$$;
COMMENT ON FUNCTION olist_etl.withdraw_persons() IS
    'Part of build_batch(): the persons of rejected rows that may count once others are withdrawn';
