/*
 * 62_quality: the gate between what was built and what readers see.
 *
 * A rule is a row. Its SQL runs with the rights of whoever calls run(), so a
 * rule counts only if its author could run SQL with those rights anyway.
 */

CREATE TABLE olist_etl.check_rule (
    name text PRIMARY KEY,
    relation text NOT NULL,
    predicate text,
    aggregate text,
    severity text NOT NULL DEFAULT 'warn' CHECK (severity IN ('warn', 'fail')),
    tolerance text NOT NULL DEFAULT '0' CHECK (tolerance ~ '^[0-9]+(\.[0-9]+)?%?$'),
    baseline_runs integer CHECK (baseline_runs > 0),
    scope text NOT NULL DEFAULT 'warehouse' CHECK (scope IN ('warehouse', 'batch')),
    enabled boolean NOT NULL DEFAULT true,
    description text,
    hint text,
    is_default boolean NOT NULL DEFAULT false,
    owner name NOT NULL DEFAULT current_user,
    CONSTRAINT check_rule_expression_check CHECK (num_nonnulls(predicate, aggregate) = 1),
    CONSTRAINT check_rule_baseline_check CHECK (baseline_runs IS NULL OR aggregate IS NOT NULL)
);
COMMENT ON TABLE olist_etl.check_rule IS
    'What must hold of the data before it is published. Add your own by INSERT, change any by UPDATE; the rules that come with the extension cannot be deleted, but disabled';
COMMENT ON COLUMN olist_etl.check_rule.relation IS
    'What the rule is about: an entity (its staged rows), a table of the warehouse (what is about to be published), any other table by its qualified name, objects (see olist_etl.batch()), or rejects (of the build: entity, reason, column_name)';
COMMENT ON COLUMN olist_etl.check_rule.predicate IS
    'SQL condition over a row that must not be false, as in a CHECK constraint. What is measured is the number of rows for which it is. Other relations are named in braces, {fact_order}; functions that are not the server''s own by their schema';
COMMENT ON COLUMN olist_etl.check_rule.aggregate IS
    'SQL expression over all rows, which gives the number to be measured, or true where all is well';
COMMENT ON COLUMN olist_etl.check_rule.severity IS
    'warn: the run goes on and says so; fail: it stops, and nothing is published';
COMMENT ON COLUMN olist_etl.check_rule.tolerance IS
    'How large the measured number may be: a number, or a percentage of the rows. With baseline_runs: how far it may be off';
COMMENT ON COLUMN olist_etl.check_rule.baseline_runs IS
    'Compare the measured number with its median in so many runs before; with fewer than three of them there is nothing to compare with';
COMMENT ON COLUMN olist_etl.check_rule.scope IS
    'Where a batch is merged, what tables of the warehouse mean: all of what is going to be published, or only what the batch touches: its orders with all that belongs to them, the members that they refer to, and members and places that it shows';
COMMENT ON COLUMN olist_etl.check_rule.is_default IS
    'Comes with the extension, unchanged';
COMMENT ON COLUMN olist_etl.check_rule.owner IS
    'Who wrote or last changed it: it is executed for himself and for roles that he is a member of; a superuser''s for everybody';
SELECT pg_catalog.pg_extension_config_dump('olist_etl.check_rule', 'WHERE NOT is_default');

ALTER TABLE olist_etl.check_rule ENABLE ROW LEVEL SECURITY;
CREATE POLICY check_rule_read ON olist_etl.check_rule FOR SELECT USING (true);
COMMENT ON POLICY check_rule_read ON olist_etl.check_rule IS
    'Whoever may read the table may read all rules';
CREATE POLICY check_rule_insert ON olist_etl.check_rule FOR INSERT
    WITH CHECK (owner = current_user AND NOT is_default);
COMMENT ON POLICY check_rule_insert ON olist_etl.check_rule IS
    'Nobody writes rules in another''s name';
CREATE POLICY check_rule_update ON olist_etl.check_rule FOR UPDATE
    USING (true) WITH CHECK (owner = current_user AND NOT is_default);
COMMENT ON POLICY check_rule_update ON olist_etl.check_rule IS
    'Whoever changes a rule becomes its owner';
CREATE POLICY check_rule_delete ON olist_etl.check_rule FOR DELETE USING (true);
COMMENT ON POLICY check_rule_delete ON olist_etl.check_rule IS
    'Whoever may delete from the table may delete any rule but the default ones';

CREATE FUNCTION olist_etl.check_rule_changed() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.owner := current_user;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION olist_etl.check_rule_changed() IS
    'Trigger: a changed rule is its changer''s';

CREATE TRIGGER check_rule_changed BEFORE UPDATE ON olist_etl.check_rule
    FOR EACH ROW EXECUTE FUNCTION olist_etl.check_rule_changed();
COMMENT ON TRIGGER check_rule_changed ON olist_etl.check_rule IS
    'Whoever changes a rule is its owner';
CREATE TRIGGER default_row_replaced BEFORE INSERT ON olist_etl.check_rule
    FOR EACH ROW EXECUTE FUNCTION olist_etl.default_row_replaced();
COMMENT ON TRIGGER default_row_replaced ON olist_etl.check_rule IS
    'A rule of one''s own takes the place of the default one of its name';
CREATE TRIGGER default_row_changed BEFORE UPDATE OR DELETE ON olist_etl.check_rule
    FOR EACH ROW EXECUTE FUNCTION olist_etl.default_row_changed('name', 'enabled');
COMMENT ON TRIGGER default_row_changed ON olist_etl.check_rule IS
    'Default rules are not deleted, and what is changed is dumped';

CREATE TABLE olist_etl.check_result (
    run_id bigint NOT NULL,
    rule text NOT NULL,
    relation text NOT NULL,
    severity text NOT NULL,
    status text NOT NULL CHECK (status IN ('passed', 'warned', 'failed', 'skipped')),
    rows bigint,
    measured numeric,
    expected numeric,
    allowed numeric,
    message text NOT NULL,
    of_batch boolean NOT NULL DEFAULT false,
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, rule)
);
COMMENT ON TABLE olist_etl.check_result IS
    'What the rules of olist_etl.check_rule gave in each run';
COMMENT ON COLUMN olist_etl.check_result.status IS
    'passed; warned and failed: the rule does not hold, and its severity; skipped: there was nothing to measure or to compare with';
COMMENT ON COLUMN olist_etl.check_result.rows IS
    'Rows that the relation had';
COMMENT ON COLUMN olist_etl.check_result.expected IS
    'Of rules with baseline_runs: the median of the runs before';
COMMENT ON COLUMN olist_etl.check_result.allowed IS
    'The tolerance as a number';
COMMENT ON COLUMN olist_etl.check_result.of_batch IS
    'Was only what a batch touched looked at? Such results are compared with each other only';
CREATE INDEX check_result_rule_idx ON olist_etl.check_result (rule, run_id);
SELECT pg_catalog.pg_extension_config_dump('olist_etl.check_result', '');

ALTER TABLE olist_etl.check_result ENABLE ROW LEVEL SECURITY;
CREATE POLICY check_result_of_member ON olist_etl.check_result FOR SELECT
    USING (run_id IN (SELECT r.run_id FROM olist_etl.run r));
COMMENT ON POLICY check_result_of_member ON olist_etl.check_result IS
    'Results of the runs that one may see';

CREATE VIEW olist_etl.quality WITH (security_invoker = true, security_barrier = true) AS
SELECT c.run_id, c.rule, c.status, c.message, r.hint
FROM olist_etl.check_result c
LEFT JOIN olist_etl.check_rule r ON r.name = c.rule
WHERE c.run_id = (SELECT max(l.run_id) FROM olist_etl.check_result l)
ORDER BY array_position(ARRAY['failed', 'warned', 'skipped', 'passed'], c.status), c.rule;
COMMENT ON VIEW olist_etl.quality IS
    'What the last run that was checked was like: what failed first, then what was warned of';

CREATE FUNCTION olist_etl.batch(source text DEFAULT 'olist')
RETURNS TABLE (entity text, uri text, size bigint, etag text, last_modified timestamptz,
               rows_read bigint, rows_loaded bigint, rows_rejected bigint, loaded_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.entity, l.uri, l.size, l.etag, l.last_modified,
           l.rows_read, l.rows_loaded, l.rows_rejected, l.loaded_at
    FROM olist_etl.ledger l
    WHERE l.is_current AND l.published_at IS NULL AND l.source = batch.source
$$;
COMMENT ON FUNCTION olist_etl.batch(text) IS
    'The objects of a source that are staged and wait to be published';

CREATE FUNCTION olist_etl.check_quality(argument jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT VOLATILE
SET synchronous_commit = off
AS 'MODULE_PATHNAME', 'olist_etl_check_quality';
COMMENT ON FUNCTION olist_etl.check_quality(jsonb) IS
    'Task: measure what the enabled rules, or the one named by "rule", are about; "run_id" names the run that keeps the results. "passed" is false when a rule of severity fail does not hold, and "cause" says which';

INSERT INTO olist_etl.check_rule
    (name, relation, predicate, severity, scope, description, is_default)
SELECT r.name, r.relation, r.predicate, r.severity, 'batch', r.description, true
FROM (VALUES
    ('order_has_purchase_time', 'fact_order', 'purchased_at IS NOT NULL', 'warn',
     'every order has a purchase time'),
    ('order_approved_after_purchase', 'fact_order', 'approved_at >= purchased_at', 'warn',
     'orders are approved after their purchase'),
    ('order_carrier_after_purchase', 'fact_order', 'carrier_at >= purchased_at', 'warn',
     'the carrier gets the parcel after the purchase'),
    ('order_carrier_after_approval', 'fact_order', 'carrier_at >= approved_at', 'warn',
     'the carrier gets the parcel after the approval'),
    ('order_delivered_after_carrier', 'fact_order', 'delivered_at >= carrier_at', 'warn',
     'the customer gets the parcel after the carrier'),
    ('order_estimated_after_purchase', 'fact_order', 'estimated_at >= purchased_at', 'warn',
     'the promised day is after the purchase'),
    ('order_canceled_not_delivered', 'fact_order',
     'delivered_at IS NULL OR order_status_key <> (SELECT s.order_status_key FROM {dim_order_status} s WHERE s.order_status = ''canceled'')',
     'warn', 'cancelled orders have no delivery date'),
    ('order_delivered_has_date', 'fact_order',
     'delivered_at IS NOT NULL OR order_status_key <> (SELECT s.order_status_key FROM {dim_order_status} s WHERE s.order_status = ''delivered'')',
     'warn', 'delivered orders have a delivery date'),
    ('order_has_items', 'fact_order', 'item_count > 0', 'warn', 'every order has items'),
    ('order_has_payment', 'fact_order', 'payment_count > 0', 'warn', 'every order has a payment'),
    ('order_has_review', 'fact_order', 'review_score IS NOT NULL', 'warn', 'every order has a review'),
    ('order_customer_known', 'fact_order', 'customer_key <> -1', 'warn', 'every order has a customer'),

    ('item_price_not_negative', 'fact_order_item', 'price >= 0', 'warn', 'no item has a negative price'),
    ('item_freight_not_negative', 'fact_order_item', 'freight >= 0', 'warn', 'no item has a negative freight'),
    ('item_product_known', 'fact_order_item', 'product_key <> -1', 'warn', 'every item has a product'),
    ('item_seller_known', 'fact_order_item', 'seller_key <> -1', 'warn', 'every item has a seller'),

    ('payment_value_positive', 'fact_payment', 'value > 0', 'warn', 'every payment is of more than nothing'),
    ('payment_has_installments', 'fact_payment', 'installments >= 1', 'warn', 'every payment has instalments'),
    ('payment_type_defined', 'fact_payment',
     'payment_type_key <> (SELECT t.payment_type_key FROM {dim_payment_type} t WHERE t.payment_type = ''not_defined'')',
     'warn', 'every payment has a type'),

    ('review_score_in_range', 'fact_review', 'score BETWEEN 1 AND 5', 'warn', 'scores are from 1 to 5'),
    ('review_has_creation_date', 'fact_review', 'created_at IS NOT NULL', 'warn',
     'every review has a creation date'),
    ('review_has_answer_time', 'fact_review', 'answered_at IS NOT NULL', 'warn',
     'every review has an answer time'),
    ('review_answered_after_creation', 'fact_review', 'answered_at >= created_at', 'warn',
     'reviews are answered after their creation'),

    ('customer_arrived', 'dim_customer', 'NOT is_inferred', 'warn',
     'the customers that orders name have arrived'),
    ('customer_state_known', 'dim_customer', 'state IS NULL OR region IS NOT NULL', 'warn',
     'customers live in a state of Brazil'),
    ('seller_arrived', 'dim_seller', 'NOT is_inferred', 'warn', 'the sellers that items name have arrived'),
    ('seller_state_known', 'dim_seller', 'state IS NULL OR region IS NOT NULL', 'warn',
     'sellers are in a state of Brazil'),
    ('product_arrived', 'dim_product', 'NOT is_inferred', 'warn', 'the products that items name have arrived'),
    ('product_has_category', 'dim_product', 'category <> ''unknown'' OR is_inferred OR NOT is_current', 'warn',
     'every product has a category'),
    ('product_category_translated', 'products',
     'product_category_name IN (SELECT t.product_category_name FROM {category_translation} t) OR NOT EXISTS (SELECT FROM {category_translation})', 'warn',
     'every category has a translation'),
    ('product_has_dimensions', 'dim_product',
     'num_nulls(weight_g, length_cm, height_cm, width_cm) = 0 OR is_inferred OR NOT is_current', 'warn',
     'every product has a weight and dimensions'),
    ('product_weight_positive', 'dim_product', 'weight_g > 0 OR NOT is_current', 'warn',
     'every product weighs something'),

    ('zip_one_spelling', 'dim_geography', 'spelling_count <= 1', 'warn',
     'the city of a zip prefix is spelled in one way'),
    ('zip_one_state', 'dim_geography', 'state_count <= 1', 'warn', 'a zip prefix is in one state'),
    ('zip_of_customer_located', 'dim_geography',
     'point_count > 0 OR geography_key = -1 OR geography_key NOT IN (SELECT c.geography_key FROM {dim_customer} c)',
     'warn', 'the zip prefixes of customers have points'),
    ('zip_of_seller_located', 'dim_geography',
     'point_count > 0 OR geography_key = -1 OR geography_key NOT IN (SELECT s.geography_key FROM {dim_seller} s)',
     'warn', 'the zip prefixes of sellers have points'),

    ('order_status_known', 'dim_order_status',
     'order_status IN (''approved'', ''canceled'', ''created'', ''delivered'', ''invoiced'', ''processing'', ''shipped'', ''unavailable'', ''unknown'')',
     'warn', 'no status of orders is new'),
    ('payment_type_known', 'dim_payment_type',
     'payment_type IN (''boleto'', ''credit_card'', ''debit_card'', ''not_defined'', ''unknown'', ''voucher'')',
     'warn', 'no type of payments is new'),

    ('reject_no_orphan', 'rejects', 'reason <> ''orphan''', 'warn',
     'the order of every item, payment and review has arrived'),
    ('reject_no_duplicate', 'rejects', 'reason <> ''duplicate''', 'warn', 'no key is there twice'),
    ('reject_nothing_else', 'rejects', 'reason IN (''orphan'', ''duplicate'')', 'warn',
     'no staged row is without a key or has an amount out of range')
) AS r (name, relation, predicate, severity, description);

INSERT INTO olist_etl.check_rule
    (name, relation, aggregate, severity, tolerance, baseline_runs, scope, enabled, description,
     hint, is_default)
SELECT r.name, r.relation, r.aggregate, r.severity, r.tolerance, r.baseline_runs, 'batch',
       r.enabled, r.description, r.hint, true
FROM (VALUES
    ('order_items_agree', 'fact_order',
     'ARRAY[coalesce(sum(price_total), 0), coalesce(sum(freight_total), 0), coalesce(sum(item_count), 0), coalesce(sum(order_key * item_count), 0)] = (SELECT ARRAY[coalesce(sum(i.price), 0), coalesce(sum(i.freight), 0), count(*), coalesce(sum(i.order_key), 0)] FROM {fact_order_item} i)',
     'fail', '0', NULL::integer, true, 'sums, numbers and order keys of items agree with the orders', NULL),
    ('order_payments_agree', 'fact_order',
     'ARRAY[coalesce(sum(payment_total), 0), coalesce(sum(payment_count), 0), coalesce(sum(order_key * payment_count), 0)] = (SELECT ARRAY[coalesce(sum(p.value), 0), count(*), coalesce(sum(p.order_key), 0)] FROM {fact_payment} p)',
     'fail', '0', NULL, true, 'sums, numbers and order keys of payments agree with the orders', NULL),
    ('order_reviews_agree', 'fact_order',
     'ARRAY[count(review_score), coalesce(sum(review_score), 0), coalesce(sum(order_key * review_score), 0)] = (SELECT ARRAY[count(v.score), coalesce(sum(v.score), 0), coalesce(sum(v.order_key * v.score), 0)] FROM {fact_review} v WHERE v.is_latest)',
     'fail', '0', NULL, true, 'scores and order keys of the latest reviews agree with the orders', NULL),
    ('payment_starts_at_one', 'fact_payment',
     '(SELECT count(*) FROM {fact_order} o WHERE o.payment_count > 0) - count(*) FILTER (WHERE payment_sequential = 1)',
     'warn', '0', NULL, true, 'the payments of every order are numbered from 1', NULL),
    ('review_id_unique', 'fact_review',
     'count(*) - (SELECT count(*) FROM (SELECT DISTINCT v.review_id FROM {fact_review} v) d)',
     'warn', '0', NULL, true, 'a review is of one order', NULL),
    ('review_one_per_order', 'fact_review', 'count(DISTINCT order_key) FILTER (WHERE NOT is_latest)',
     'warn', '0', NULL, true, 'an order has one review', NULL),
    ('zip_points_unique', 'dim_geography', 'sum(repeat_count)', 'warn', '0', NULL, true,
     'no point is there twice', NULL),
    ('zip_points_in_brazil', 'dim_geography', 'sum(outlier_count)', 'warn', '0', NULL, true,
     'points are in Brazil', NULL),
    ('objects_few_rejects', 'objects', '100.0 * sum(rows_rejected) / nullif(sum(rows_read), 0)', 'warn', '10',
     NULL, true, 'at most 10 of 100 rows of the new objects are rejected',
     'See olist_etl.reject. What stops a run is "max_reject_percent" in its input.'),
    ('objects_fresh', 'objects', 'extract(epoch FROM now() - max(last_modified)) / 86400', 'warn', '2', NULL, false,
     'the newest of the new objects is at most 2 days old',
     'Enable this rule where drops come daily, with a tolerance in days.')
) AS r (name, relation, aggregate, severity, tolerance, baseline_runs, enabled, description, hint)
UNION ALL
SELECT 'objects_rows_' || e.entity, 'objects',
       pg_catalog.format('sum(rows_loaded) FILTER (WHERE entity = %L)', e.entity),
       'warn', '50%', 5, 'batch', true,
       pg_catalog.format('about as many rows of %s as in the runs before', e.entity), NULL, true
FROM olist_etl.entity e;
