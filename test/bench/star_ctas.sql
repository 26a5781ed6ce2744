/*
 * The warehouse of olist_etl, written as a warehouse engineer would write it
 * who has SQL and nothing else: CREATE TABLE AS from the staging tables, then
 * keys, indexes and statistics. The same tables, rules, keys and indexes, in
 * the schema star_ctas.
 *
 * It is the other side of two comparisons: how long it takes (test/bench), and
 * what comes out (a test compares it with olist_dw column by column). It knows
 * the first load only: one version of each product and seller, nothing merged.
 */
CREATE SCHEMA star_ctas;

CREATE FUNCTION star_ctas.normalize(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN btrim(regexp_replace(
    translate(lower(name), 'áàâãäéèêëíìîïóòôõöúùûüçñ', 'aaaaaeeeeiiiiooooouuuucn'),
    '\s+', ' ', 'g'));

CREATE FUNCTION star_ctas.region(state text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN state IN ('AC', 'AM', 'AP', 'PA', 'RO', 'RR', 'TO') THEN 'N'
    WHEN state IN ('AL', 'BA', 'CE', 'MA', 'PB', 'PE', 'PI', 'RN', 'SE') THEN 'NE'
    WHEN state IN ('DF', 'GO', 'MS', 'MT') THEN 'CO'
    WHEN state IN ('ES', 'MG', 'RJ', 'SP') THEN 'SE'
    WHEN state IN ('PR', 'RS', 'SC') THEN 'S'
END;

CREATE FUNCTION star_ctas.date_key(at timestamp) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce((extract(year FROM at) * 10000 + extract(month FROM at) * 100
                 + extract(day FROM at))::integer, -1);

CREATE FUNCTION star_ctas.days(start_at timestamp, end_at timestamp) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN extract(epoch FROM end_at - start_at)::double precision / 86400;

CREATE FUNCTION star_ctas.hours(start_at timestamp, end_at timestamp) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN extract(epoch FROM end_at - start_at)::double precision / 3600;

/* Easter Sunday, by Gauss as corrected by Lichtenberg */
CREATE FUNCTION star_ctas.easter(y integer) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT make_date(y, 3, 1) + (og + oe - 1)
    FROM (SELECT y / 100 AS k, y % 19 AS a) AS s1,
    LATERAL (SELECT 15 + (3 * k + 3) / 4 - (8 * k + 13) / 25 AS m, 2 - (3 * k + 3) / 4 AS s) AS s2,
    LATERAL (SELECT (19 * a + m) % 30 AS d) AS s3,
    LATERAL (SELECT (d + a / 11) / 29 AS r) AS s4,
    LATERAL (SELECT 21 + d - r AS og, 7 - (y + y / 4 + s) % 7 AS sz) AS s5,
    LATERAL (SELECT 7 - (og - sz) % 7 AS oe) AS s6
$$;

/* dim_date */
CREATE TABLE star_ctas.dim_date AS
WITH bounds AS (
    SELECT min(at) AS first, max(at) AS last
    FROM (
        SELECT unnest(ARRAY[order_purchase_timestamp, order_approved_at,
                            order_delivered_carrier_date, order_delivered_customer_date,
                            order_estimated_delivery_date])
        FROM olist_staging.orders
        UNION ALL
        SELECT shipping_limit_date FROM olist_staging.order_items
        UNION ALL
        SELECT unnest(ARRAY[review_creation_date, review_answer_timestamp])
        FROM olist_staging.order_reviews
    ) AS t (at)
), day AS (
    SELECT g::date AS date
    FROM bounds,
    generate_series(date_trunc('year', first),
                    date_trunc('year', last) + interval '1 year - 1 day', '1 day') AS g
), holiday AS (
    SELECT make_date(y::integer, month, day) AS date, name
    FROM (SELECT DISTINCT extract(year FROM date) FROM day) AS years (y),
    (VALUES (1, 1, 1, 'New Year''s Day'), (4, 21, 1, 'Tiradentes'), (5, 1, 1, 'Labour Day'),
            (9, 7, 1, 'Independence Day'), (10, 12, 1, 'Our Lady of Aparecida'),
            (11, 2, 1, 'All Souls'' Day'), (11, 15, 1, 'Republic Day'),
            (11, 20, 2024, 'Black Awareness Day'), (12, 25, 1, 'Christmas Day'))
        AS fixed (month, day, first_year, name)
    WHERE y >= first_year
    UNION ALL
    SELECT star_ctas.easter(y::integer) + days, name
    FROM (SELECT DISTINCT extract(year FROM date) FROM day) AS years (y),
    (VALUES (-48, 'Carnival'), (-47, 'Carnival'), (-2, 'Good Friday'), (60, 'Corpus Christi'))
        AS movable (days, name)
)
SELECT to_char(d.date, 'YYYYMMDD')::integer AS date_key,
       d.date,
       extract(year FROM d.date)::integer AS year,
       extract(quarter FROM d.date)::integer AS quarter,
       extract(month FROM d.date)::integer AS month,
       trim(to_char(d.date, 'Month')) AS month_name,
       date_trunc('month', d.date)::date AS month_start,
       extract(isoyear FROM d.date)::integer AS iso_year,
       extract(week FROM d.date)::integer AS iso_week,
       extract(day FROM d.date)::integer AS day,
       extract(isodow FROM d.date)::integer AS iso_dow,
       trim(to_char(d.date, 'Day')) AS day_name,
       extract(isodow FROM d.date) >= 6 AS is_weekend,
       h.date IS NOT NULL AS is_holiday,
       h.name AS holiday_name
FROM day d
LEFT JOIN holiday h USING (date);
INSERT INTO star_ctas.dim_date (date_key) VALUES (-1);
ALTER TABLE star_ctas.dim_date ADD PRIMARY KEY (date_key), ADD UNIQUE (date);
CREATE INDEX ON star_ctas.dim_date (month_start);

/* dim_geography */
CREATE TABLE star_ctas.dim_geography AS
WITH point AS (
    SELECT geolocation_zip_code_prefix AS zip,
           count(*) AS point_count,
           count(*) FILTER (WHERE inside IS NOT TRUE) AS outlier_count,
           count(*) - count(DISTINCT (geolocation_lat, geolocation_lng, geolocation_city,
                                      geolocation_state)) AS repeat_count,
           count(DISTINCT geolocation_city) AS spelling_count,
           count(DISTINCT geolocation_state) AS state_count,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY geolocation_lat) FILTER (WHERE inside)
               AS latitude,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY geolocation_lng) FILTER (WHERE inside)
               AS longitude
    FROM olist_staging.geolocation,
    LATERAL (SELECT geolocation_lat BETWEEN -33.75116944 AND 5.27438888
                    AND geolocation_lng BETWEEN -73.98283055 AND -34.79314722) AS i (inside)
    GROUP BY 1
), resident AS (
    SELECT customer_zip_code_prefix AS zip, customer_city AS city, customer_state AS state
    FROM olist_staging.customers
    UNION ALL
    SELECT seller_zip_code_prefix, seller_city, seller_state
    FROM olist_staging.sellers
), place AS (
    SELECT geolocation_zip_code_prefix AS zip, geolocation_city AS city,
           geolocation_state AS state
    FROM olist_staging.geolocation
    UNION ALL
    SELECT zip, city, state
    FROM resident
    WHERE zip NOT IN (SELECT zip FROM point)
), spelling AS (
    SELECT zip, city AS spelling, count(*) AS n
    FROM place
    GROUP BY 1, 2
), city AS (
    SELECT DISTINCT ON (zip) zip, star_ctas.normalize(spelling) AS city
    FROM spelling
    GROUP BY 1, 2
    ORDER BY zip, sum(n) DESC, star_ctas.normalize(spelling) COLLATE "C"
), state AS (
    SELECT DISTINCT ON (zip) zip, state
    FROM place
    GROUP BY 1, 2
    ORDER BY zip, count(*) DESC, state COLLATE "C"
)
SELECT row_number() OVER () AS geography_key,
       z.zip AS zip_code_prefix,
       c.city,
       s.state,
       star_ctas.region(s.state) AS region,
       p.latitude,
       p.longitude,
       coalesce(p.point_count, 0)::integer AS point_count,
       coalesce(p.outlier_count, 0)::integer AS outlier_count,
       coalesce(p.repeat_count, 0)::integer AS repeat_count,
       coalesce(p.spelling_count, 0)::integer AS spelling_count,
       coalesce(p.state_count, 0)::integer AS state_count
FROM (SELECT zip FROM point UNION SELECT zip FROM resident) AS z
LEFT JOIN point p USING (zip)
LEFT JOIN city c USING (zip)
LEFT JOIN state s USING (zip)
WHERE z.zip IS NOT NULL;
INSERT INTO star_ctas.dim_geography (geography_key, zip_code_prefix, point_count, outlier_count,
                                     repeat_count, spelling_count, state_count)
VALUES (-1, 'unknown', 0, 0, 0, 0, 0);
ALTER TABLE star_ctas.dim_geography ADD PRIMARY KEY (geography_key), ADD UNIQUE (zip_code_prefix);
CREATE INDEX ON star_ctas.dim_geography (state);
ANALYZE star_ctas.dim_geography;

/* dim_customer, and which version each order has */
CREATE TEMP TABLE purchase AS
WITH purchase AS (
    SELECT o.order_id,
           coalesce(c.customer_unique_id, o.customer_id) AS customer_unique_id,
           c.customer_id IS NULL AS is_inferred,
           c.customer_zip_code_prefix AS zip_code_prefix,
           c.customer_city AS city,
           c.customer_state AS state,
           o.order_purchase_timestamp AS purchased_at,
           c._object_id,
           c._line
    FROM olist_staging.orders o
    LEFT JOIN olist_staging.customers c USING (customer_id)
), compared AS (
    SELECT *,
           row_number() OVER person = 1
               OR (zip_code_prefix, city, state) IS DISTINCT FROM
                  (lag(zip_code_prefix) OVER person, lag(city) OVER person,
                   lag(state) OVER person) AS is_new
    FROM purchase
    WINDOW person AS (PARTITION BY customer_unique_id ORDER BY purchased_at, order_id)
)
SELECT *,
       (count(*) FILTER (WHERE is_new)
        OVER (PARTITION BY customer_unique_id ORDER BY purchased_at, order_id))::integer AS version
FROM compared;
ANALYZE purchase;

CREATE TABLE star_ctas.dim_customer AS
SELECT row_number() OVER () AS customer_key,
       v.customer_unique_id,
       v.zip_code_prefix,
       v.city,
       v.state,
       star_ctas.region(v.state) AS region,
       coalesce(g.geography_key, -1) AS geography_key,
       v.purchased_at AS valid_from,
       coalesce(lead(v.purchased_at) OVER person, 'infinity') AS valid_to,
       lead(v.version) OVER person IS NULL AS is_current,
       v.version,
       v.is_inferred,
       v._object_id,
       v._line
FROM purchase v
LEFT JOIN star_ctas.dim_geography g USING (zip_code_prefix)
WHERE v.is_new
WINDOW person AS (PARTITION BY v.customer_unique_id ORDER BY v.version);
INSERT INTO star_ctas.dim_customer
    (customer_key, customer_unique_id, geography_key, valid_from, valid_to, is_current, version,
     is_inferred)
VALUES (-1, 'unknown', -1, '-infinity', 'infinity', false, 0, false);
ALTER TABLE star_ctas.dim_customer
    ADD PRIMARY KEY (customer_key), ADD UNIQUE (customer_unique_id, version);
CREATE INDEX ON star_ctas.dim_customer (geography_key);
ANALYZE star_ctas.dim_customer;

/* dim_seller */
CREATE TABLE star_ctas.dim_seller AS
SELECT row_number() OVER () AS seller_key,
       i.seller_id,
       s.seller_zip_code_prefix AS zip_code_prefix,
       s.seller_city AS city,
       s.seller_state AS state,
       star_ctas.region(s.seller_state) AS region,
       coalesce(g.geography_key, -1) AS geography_key,
       '-infinity'::timestamp AS valid_from,
       'infinity'::timestamp AS valid_to,
       true AS is_current,
       1 AS version,
       s.seller_id IS NULL AS is_inferred,
       s._object_id,
       s._line
FROM (SELECT seller_id FROM olist_staging.sellers
      UNION
      SELECT seller_id FROM olist_staging.order_items) AS i
LEFT JOIN olist_staging.sellers s USING (seller_id)
LEFT JOIN star_ctas.dim_geography g ON g.zip_code_prefix = s.seller_zip_code_prefix
WHERE i.seller_id IS NOT NULL;
INSERT INTO star_ctas.dim_seller
    (seller_key, seller_id, geography_key, valid_from, valid_to, is_current, version, is_inferred)
VALUES (-1, 'unknown', -1, '-infinity', 'infinity', false, 0, false);
ALTER TABLE star_ctas.dim_seller ADD PRIMARY KEY (seller_key), ADD UNIQUE (seller_id, version);
CREATE INDEX ON star_ctas.dim_seller (geography_key);
ANALYZE star_ctas.dim_seller;

/* dim_product */
CREATE TABLE star_ctas.dim_product AS
SELECT row_number() OVER () AS product_key,
       i.product_id,
       coalesce(p.product_category_name, 'unknown') AS category,
       coalesce(t.product_category_name_english, p.product_category_name, 'unknown')
           AS category_english,
       p.product_name_lenght AS name_length,
       p.product_description_lenght AS description_length,
       p.product_photos_qty AS photos_qty,
       p.product_weight_g AS weight_g,
       p.product_length_cm AS length_cm,
       p.product_height_cm AS height_cm,
       p.product_width_cm AS width_cm,
       p.product_length_cm::bigint * p.product_height_cm * p.product_width_cm AS volume_cm3,
       '-infinity'::timestamp AS valid_from,
       'infinity'::timestamp AS valid_to,
       true AS is_current,
       1 AS version,
       p.product_id IS NULL AS is_inferred,
       p._object_id,
       p._line
FROM (SELECT product_id FROM olist_staging.products
      UNION
      SELECT product_id FROM olist_staging.order_items) AS i
LEFT JOIN olist_staging.products p USING (product_id)
LEFT JOIN olist_staging.category_translation t
    ON t.product_category_name = p.product_category_name
WHERE i.product_id IS NOT NULL;
INSERT INTO star_ctas.dim_product
    (product_key, product_id, category, category_english, valid_from, valid_to, is_current,
     version, is_inferred)
VALUES (-1, 'unknown', 'unknown', 'unknown', '-infinity', 'infinity', false, 0, false);
ALTER TABLE star_ctas.dim_product ADD PRIMARY KEY (product_key), ADD UNIQUE (product_id, version);
CREATE INDEX ON star_ctas.dim_product (category);
ANALYZE star_ctas.dim_product;

/* dim_order_status, dim_payment_type */
CREATE TABLE star_ctas.dim_order_status AS
SELECT row_number() OVER () AS order_status_key, order_status
FROM (SELECT DISTINCT order_status FROM olist_staging.orders
      WHERE order_status IS NOT NULL) AS s;
INSERT INTO star_ctas.dim_order_status VALUES (-1, 'unknown');
ALTER TABLE star_ctas.dim_order_status ADD PRIMARY KEY (order_status_key), ADD UNIQUE (order_status);
ANALYZE star_ctas.dim_order_status;

CREATE TABLE star_ctas.dim_payment_type AS
SELECT row_number() OVER () AS payment_type_key, payment_type
FROM (SELECT DISTINCT payment_type FROM olist_staging.order_payments
      WHERE payment_type IS NOT NULL) AS t;
INSERT INTO star_ctas.dim_payment_type VALUES (-1, 'unknown');
ALTER TABLE star_ctas.dim_payment_type ADD PRIMARY KEY (payment_type_key), ADD UNIQUE (payment_type);
ANALYZE star_ctas.dim_payment_type;

/* fact_order */
CREATE TABLE star_ctas.fact_order AS
WITH item AS (
    SELECT order_id,
           count(*) AS item_count,
           count(DISTINCT seller_id) AS seller_count,
           sum(price)::numeric(12,2) AS price_total,
           sum(freight_value)::numeric(12,2) AS freight_total
    FROM olist_staging.order_items
    GROUP BY order_id
), payment AS (
    SELECT order_id,
           count(*) AS payment_count,
           sum(payment_value)::numeric(12,2) AS payment_total,
           max(payment_installments) AS installments_max
    FROM olist_staging.order_payments
    GROUP BY order_id
), review AS (
    SELECT DISTINCT ON (order_id) order_id, review_score
    FROM olist_staging.order_reviews
    ORDER BY order_id, review_answer_timestamp DESC NULLS LAST,
             review_creation_date DESC NULLS LAST, review_id
)
SELECT row_number() OVER () AS order_key,
       o.order_id,
       o.customer_id,
       c.customer_key,
       c.geography_key AS customer_geography_key,
       coalesce(s.order_status_key, -1) AS order_status_key,
       o.order_purchase_timestamp AS purchased_at,
       o.order_approved_at AS approved_at,
       o.order_delivered_carrier_date AS carrier_at,
       o.order_delivered_customer_date AS delivered_at,
       o.order_estimated_delivery_date AS estimated_at,
       star_ctas.date_key(o.order_purchase_timestamp) AS purchase_date_key,
       star_ctas.date_key(o.order_approved_at) AS approved_date_key,
       star_ctas.date_key(o.order_delivered_carrier_date) AS carrier_date_key,
       star_ctas.date_key(o.order_delivered_customer_date) AS delivered_date_key,
       star_ctas.date_key(o.order_estimated_delivery_date) AS estimated_date_key,
       coalesce(i.item_count, 0)::integer AS item_count,
       coalesce(i.seller_count, 0)::integer AS seller_count,
       coalesce(i.price_total, 0)::numeric(12,2) AS price_total,
       coalesce(i.freight_total, 0)::numeric(12,2) AS freight_total,
       coalesce(p.payment_count, 0)::integer AS payment_count,
       coalesce(p.payment_total, 0)::numeric(12,2) AS payment_total,
       coalesce(p.installments_max, 0) AS installments_max,
       r.review_score,
       star_ctas.hours(o.order_purchase_timestamp, o.order_approved_at) AS approval_hours,
       star_ctas.days(o.order_approved_at, o.order_delivered_carrier_date) AS handling_days,
       star_ctas.days(o.order_delivered_carrier_date, o.order_delivered_customer_date)
           AS transit_days,
       star_ctas.days(o.order_purchase_timestamp, o.order_delivered_customer_date)
           AS delivery_days,
       star_ctas.days(o.order_purchase_timestamp, o.order_estimated_delivery_date)
           AS estimate_days,
       o.order_delivered_customer_date > o.order_estimated_delivery_date AS is_late,
       o.order_delivered_customer_date::date > o.order_estimated_delivery_date::date AS is_late_day,
       o._object_id,
       o._line
FROM olist_staging.orders o
JOIN purchase v USING (order_id)
JOIN star_ctas.dim_customer c USING (customer_unique_id, version)
LEFT JOIN star_ctas.dim_order_status s USING (order_status)
LEFT JOIN item i USING (order_id)
LEFT JOIN payment p USING (order_id)
LEFT JOIN review r USING (order_id);
ALTER TABLE star_ctas.fact_order ADD PRIMARY KEY (order_key), ADD UNIQUE (order_id);
CREATE INDEX ON star_ctas.fact_order (customer_key);
CREATE INDEX ON star_ctas.fact_order (customer_geography_key);
CREATE INDEX ON star_ctas.fact_order (order_status_key);
CREATE INDEX ON star_ctas.fact_order (purchase_date_key);
CREATE INDEX ON star_ctas.fact_order (approved_date_key);
CREATE INDEX ON star_ctas.fact_order (carrier_date_key);
CREATE INDEX ON star_ctas.fact_order (delivered_date_key);
CREATE INDEX ON star_ctas.fact_order (estimated_date_key);
ANALYZE star_ctas.fact_order;

/* fact_order_item */
CREATE TABLE star_ctas.fact_order_item AS
SELECT o.order_key,
       i.order_item_id,
       coalesce(p.product_key, -1) AS product_key,
       coalesce(s.seller_key, -1) AS seller_key,
       o.customer_key,
       coalesce(s.geography_key, -1) AS seller_geography_key,
       o.customer_geography_key,
       o.purchase_date_key,
       i.shipping_limit_date AS shipping_limit,
       i.price::numeric(12,2) AS price,
       i.freight_value::numeric(12,2) AS freight,
       2 * 6371.0088 * asin(sqrt(
           sin(radians(cg.latitude - sg.latitude) / 2) ^ 2
           + cos(radians(sg.latitude)) * cos(radians(cg.latitude))
             * sin(radians(cg.longitude - sg.longitude) / 2) ^ 2)) AS distance_km,
       i._object_id,
       i._line
FROM olist_staging.order_items i
JOIN star_ctas.fact_order o USING (order_id)
LEFT JOIN star_ctas.dim_product p USING (product_id)
LEFT JOIN star_ctas.dim_seller s USING (seller_id)
LEFT JOIN star_ctas.dim_geography sg ON sg.geography_key = s.geography_key
LEFT JOIN star_ctas.dim_geography cg ON cg.geography_key = o.customer_geography_key;
ALTER TABLE star_ctas.fact_order_item ADD PRIMARY KEY (order_key, order_item_id);
CREATE INDEX ON star_ctas.fact_order_item (product_key);
CREATE INDEX ON star_ctas.fact_order_item (seller_key);
CREATE INDEX ON star_ctas.fact_order_item (customer_key);
CREATE INDEX ON star_ctas.fact_order_item (seller_geography_key);
CREATE INDEX ON star_ctas.fact_order_item (customer_geography_key);
CREATE INDEX ON star_ctas.fact_order_item (purchase_date_key);
ANALYZE star_ctas.fact_order_item;

/* fact_payment */
CREATE TABLE star_ctas.fact_payment AS
SELECT o.order_key,
       p.payment_sequential,
       coalesce(t.payment_type_key, -1) AS payment_type_key,
       o.customer_key,
       o.purchase_date_key,
       p.payment_installments AS installments,
       p.payment_value::numeric(12,2) AS value,
       p._object_id,
       p._line
FROM olist_staging.order_payments p
JOIN star_ctas.fact_order o USING (order_id)
LEFT JOIN star_ctas.dim_payment_type t USING (payment_type);
ALTER TABLE star_ctas.fact_payment ADD PRIMARY KEY (order_key, payment_sequential);
CREATE INDEX ON star_ctas.fact_payment (payment_type_key);
CREATE INDEX ON star_ctas.fact_payment (customer_key);
CREATE INDEX ON star_ctas.fact_payment (purchase_date_key);
ANALYZE star_ctas.fact_payment;

/* fact_review */
CREATE TABLE star_ctas.fact_review AS
SELECT r.review_id,
       o.order_key,
       o.customer_key,
       r.review_score AS score,
       r.review_comment_title AS title,
       r.review_comment_message AS message,
       star_ctas.date_key(r.review_creation_date) AS creation_date_key,
       r.review_creation_date AS created_at,
       r.review_answer_timestamp AS answered_at,
       star_ctas.hours(r.review_creation_date, r.review_answer_timestamp) AS response_hours,
       row_number() OVER (PARTITION BY r.order_id
                          ORDER BY r.review_answer_timestamp DESC NULLS LAST,
                                   r.review_creation_date DESC NULLS LAST, r.review_id) = 1
           AS is_latest,
       r._object_id,
       r._line
FROM olist_staging.order_reviews r
JOIN star_ctas.fact_order o USING (order_id);
ALTER TABLE star_ctas.fact_review ADD PRIMARY KEY (order_key, review_id);
CREATE INDEX ON star_ctas.fact_review (customer_key);
CREATE INDEX ON star_ctas.fact_review (creation_date_key);
ANALYZE star_ctas.fact_review;

DROP TABLE purchase;
