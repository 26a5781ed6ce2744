/*
 * 41_compare: what a batch shows otherwise than the warehouse.
 *
 * An object that has changed is staged whole, though perhaps few of its rows
 * differ from those of the version that it has replaced. The warehouse has
 * those; so before anything else the two are compared:
 *
 *     staged rows ──────────────────────────┬─► keys of orders and customers (differing)
 *     rows held, of withdrawn objects ──────┤       ─► their staged rows (staged_…)
 *     rejects of these, and of the same keys ┘
 *
 * The others need not be touched, whichever object is later: where two rows
 * compete, one was rejected, so their key is among those that differ. Their
 * facts stay, under the version that first showed them; what is built reads
 * olist_build.staged_<entity> in place of the staging table. When a merge
 * touches one of them after all, because its person or a member that it refers
 * to is touched, its staged rows follow (merge_prior_rows).
 */

CREATE FUNCTION olist_etl.rejected_keys(objects bigint[], keys text[]) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT r.key
    FROM olist_etl.reject r
    WHERE r.object_id = ANY (objects)
      AND r.reason IN ('orphan', 'duplicate', 'no_key', 'out_of_range')
      AND r.key IS NOT NULL
    UNION
    SELECT r.key
    FROM olist_etl.reject r
    WHERE r.key = ANY (keys)
      AND r.reason = 'duplicate';
END
$$;
COMMENT ON FUNCTION olist_etl.rejected_keys(bigint[], text[]) IS
    'Keys of rows of these objects that were staged and found wanting, and those of the keys given for which several rows compete';

CREATE FUNCTION olist_etl.held_rows(entity text, scope text DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE entity
        WHEN 'orders' THEN
            'SELECT o.order_id,
                    o.customer_id,
                    CASE WHEN o.order_status_key <> -1 THEN s.order_status END AS order_status,
                    o.purchased_at AS order_purchase_timestamp,
                    o.approved_at AS order_approved_at,
                    o.carrier_at AS order_delivered_carrier_date,
                    o.delivered_at AS order_delivered_customer_date,
                    o.estimated_at AS order_estimated_delivery_date,
                    o._object_id,
                    o._line
             FROM olist_dw.fact_order o
             JOIN olist_dw.dim_order_status s USING (order_status_key)'
            || coalesce(' WHERE o.order_key IN (SELECT order_key FROM ' || scope || ')', '')
        WHEN 'order_items' THEN
            'SELECT o.order_id,
                    i.order_item_id,
                    CASE WHEN i.product_key <> -1 THEN p.product_id END AS product_id,
                    CASE WHEN i.seller_key <> -1 THEN s.seller_id END AS seller_id,
                    i.shipping_limit AS shipping_limit_date,
                    i.price,
                    i.freight AS freight_value,
                    i._object_id,
                    i._line
             FROM ' || coalesce(scope, 'olist_dw.fact_order') || ' o
             JOIN olist_dw.fact_order_item i USING (order_key)
             JOIN olist_dw.dim_product p USING (product_key)
             JOIN olist_dw.dim_seller s USING (seller_key)'
        WHEN 'order_payments' THEN
            'SELECT o.order_id,
                    p.payment_sequential,
                    CASE WHEN p.payment_type_key <> -1 THEN t.payment_type END AS payment_type,
                    p.installments AS payment_installments,
                    p.value AS payment_value,
                    p._object_id,
                    p._line
             FROM ' || coalesce(scope, 'olist_dw.fact_order') || ' o
             JOIN olist_dw.fact_payment p USING (order_key)
             JOIN olist_dw.dim_payment_type t USING (payment_type_key)'
        WHEN 'order_reviews' THEN
            'SELECT r.review_id,
                    o.order_id,
                    r.score AS review_score,
                    r.title AS review_comment_title,
                    r.message AS review_comment_message,
                    r.created_at AS review_creation_date,
                    r.answered_at AS review_answer_timestamp,
                    r._object_id,
                    r._line
             FROM ' || coalesce(scope, 'olist_dw.fact_order') || ' o
             JOIN olist_dw.fact_review r USING (order_key)'
        WHEN 'customers' THEN
            'SELECT a.customer_id,
                    a.customer_unique_id,
                    a.zip_code_prefix AS customer_zip_code_prefix,
                    a.city AS customer_city,
                    a.state AS customer_state,
                    a._object_id,
                    a._line
             FROM olist_dw.customer_account a'
            || coalesce(' JOIN ' || scope || ' USING (customer_id)', '')
        END
$$;
COMMENT ON FUNCTION olist_etl.held_rows(text, text) IS
    'A query for what the warehouse holds of an entity, as rows of the source; only of the orders or customers that a table has, where one is given';

CREATE FUNCTION olist_etl.staged_rows(entity text) RETURNS regclass
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(to_regclass(format('olist_build.%I', 'staged_' || entity)),
                    format('olist_staging.%I', entity)::regclass)
$$;
COMMENT ON FUNCTION olist_etl.staged_rows(text) IS
    'The table of what is staged of an entity or, where that has been compared with the warehouse, of what differs';

CREATE FUNCTION olist_etl.merged_entities(
    OUT entity text, OUT key text, OUT scope text, OUT withdrawn bigint[])
RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT e.entity, e.key, e.scope,
           (SELECT array_agg(w._object_id) FROM olist_build.withdrawn w WHERE w.entity = e.entity)
    FROM (VALUES ('orders', 'order_id', 'olist_build.prior_fact_order'),
                 ('order_items', 'order_id', 'olist_build.prior_fact_order'),
                 ('order_payments', 'order_id', 'olist_build.prior_fact_order'),
                 ('order_reviews', 'order_id', 'olist_build.prior_fact_order'),
                 ('customers', 'customer_id', 'olist_build.prior_customer_account'))
        AS e (entity, key, scope);
END
$$;
COMMENT ON FUNCTION olist_etl.merged_entities() IS
    'Part of build_batch(): entities whose rows are merged by a key that others have too; the table of the keys that are touched; and the objects that are withdrawn, NULL if there are none';

CREATE FUNCTION olist_etl.merge_compare() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    compared record;
    columns text;
    expressions text;
    comparable boolean;
    keys text[];
BEGIN
    IF NOT EXISTS (SELECT FROM olist_build.withdrawn) THEN
        RETURN;
    END IF;
    ANALYZE olist_build.withdrawn;
    FOR compared IN SELECT * FROM olist_etl.merged_entities() WHERE withdrawn IS NOT NULL LOOP
        -- columns that users have added are not in the warehouse
        SELECT string_agg(quote_ident(held.attname), ', ' ORDER BY held.attnum),
               string_agg(quote_ident(held.attname)
                          || CASE held.atttypid
                                 WHEN 'text'::regtype THEN ' COLLATE "C"' ELSE '' END,
                          ', ' ORDER BY held.attnum),
               bool_and(held.atttypid = staged.atttypid)
        INTO columns, expressions, comparable
        FROM pg_attribute held
        JOIN pg_attribute staged
            ON staged.attrelid = format('olist_staging.%I', compared.entity)::regclass
           AND staged.attname = held.attname
        WHERE held.attrelid = format('olist_build.%I', 'prior_' || compared.entity)::regclass
          AND held.attnum > 0
          AND held.attname NOT IN ('_object_id', '_line');
        -- the builds say what is wrong with a column of another type
        CONTINUE WHEN NOT comparable;
        EXECUTE format('SELECT array_agg(%2$I) FROM olist_staging.%1$I',
                       compared.entity, compared.key) INTO keys;
        EXECUTE format('INSERT INTO olist_build.differing (%2$I)
                        SELECT %2$I
                        FROM (SELECT %4$s, _object_id, 1
                              FROM olist_staging.%1$I
                              UNION ALL
                              SELECT %4$s, w.version_id, -1
                              FROM (%5$s) AS held
                              JOIN olist_build.withdrawn AS w USING (_object_id))
                            AS shown (%3$s, object_id, n)
                        WHERE %2$I IS NOT NULL
                        GROUP BY %3$s, object_id
                        HAVING sum(n) <> 0
                        UNION
                        SELECT * FROM olist_etl.rejected_keys($1, $2)',
                       compared.entity, compared.key, columns, expressions,
                       olist_etl.held_rows(compared.entity))
            USING compared.withdrawn, keys;
    END LOOP;
    ANALYZE olist_build.differing;
    FOR compared IN SELECT * FROM olist_etl.merged_entities() WHERE withdrawn IS NOT NULL LOOP
        EXECUTE format('CREATE UNLOGGED TABLE olist_build.%3$I AS
                        SELECT *
                        FROM olist_staging.%1$I
                        WHERE %2$I IS NULL
                           OR %2$I IN (SELECT %2$I FROM olist_build.differing)',
                       compared.entity, compared.key, 'staged_' || compared.entity);
    END LOOP;
END
$$;
COMMENT ON FUNCTION olist_etl.merge_compare() IS
    'Part of build_batch(): set apart what is staged of orders and customers that differ from what the warehouse holds';
