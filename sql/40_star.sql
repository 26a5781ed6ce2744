/*
 * 40_star: the transforms from staging to the star schema.
 *
 * Each build_… function makes one table, with its keys and indexes, in the
 * hidden schema olist_build. src/README.md says which needs which.
 */

CREATE FUNCTION olist_etl.normalize_name(name text) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'olist_etl_normalize_name';
COMMENT ON FUNCTION olist_etl.normalize_name(text) IS
    'A place''s name made comparable: lower case, without accents, spaces squeezed and trimmed';

CREATE FUNCTION olist_etl.build_dim_date(input jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_build_dim_date';
COMMENT ON FUNCTION olist_etl.build_dim_date(jsonb) IS
    'Task: build olist_build.dim_date from the dates in staging';

CREATE FUNCTION olist_etl.build_dim_geography(input jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_build_dim_geography';
COMMENT ON FUNCTION olist_etl.build_dim_geography(jsonb) IS
    'Task: build olist_build.dim_geography from the zip prefixes in staging';

CREATE FUNCTION olist_etl.build_dim_customer(input jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_build_dim_customer';
COMMENT ON FUNCTION olist_etl.build_dim_customer(jsonb) IS
    'Task: build olist_build.dim_customer, and olist_build.order_link for the facts';

CREATE FUNCTION olist_etl.build_dim_seller(input jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_build_dim_seller';
COMMENT ON FUNCTION olist_etl.build_dim_seller(jsonb) IS
    'Task: build olist_build.dim_seller from staging';

CREATE FUNCTION olist_etl.build_dim_product(input jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_build_dim_product';
COMMENT ON FUNCTION olist_etl.build_dim_product(jsonb) IS
    'Task: build olist_build.dim_product from staging';

CREATE FUNCTION olist_etl.build_dim_order_status(input jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_build_dim_order_status';
COMMENT ON FUNCTION olist_etl.build_dim_order_status(jsonb) IS
    'Task: build olist_build.dim_order_status from staging';

CREATE FUNCTION olist_etl.build_dim_payment_type(input jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_build_dim_payment_type';
COMMENT ON FUNCTION olist_etl.build_dim_payment_type(jsonb) IS
    'Task: build olist_build.dim_payment_type from staging';

CREATE FUNCTION olist_etl.build_fact_order(input jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_build_fact_order';
COMMENT ON FUNCTION olist_etl.build_fact_order(jsonb) IS
    'Task: build olist_build.fact_order from staging';

CREATE FUNCTION olist_etl.build_fact_order_item(input jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_build_fact_order_item';
COMMENT ON FUNCTION olist_etl.build_fact_order_item(jsonb) IS
    'Task: build olist_build.fact_order_item from staging';

CREATE FUNCTION olist_etl.build_fact_payment(input jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_build_fact_payment';
COMMENT ON FUNCTION olist_etl.build_fact_payment(jsonb) IS
    'Task: build olist_build.fact_payment from staging';

CREATE FUNCTION olist_etl.build_fact_review(input jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_build_fact_review';
COMMENT ON FUNCTION olist_etl.build_fact_review(jsonb) IS
    'Task: build olist_build.fact_review from staging';

CREATE FUNCTION olist_etl.publish(input jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STRICT
AS 'MODULE_PATHNAME', 'olist_etl_publish';
COMMENT ON FUNCTION olist_etl.publish(jsonb) IS
    'Task: make what stands in olist_build the warehouse olist_dw, in one transaction: moved there the first time, merged by comparison afterwards';
