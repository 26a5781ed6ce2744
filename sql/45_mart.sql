/*
 * 45_mart: what analysts look at.
 *
 * Views, so that they always agree with the facts. Each fact is summed up at
 * its own grain before it meets another: joining items to payments would count
 * both several times.
 */

CREATE FUNCTION olist_etl.create_marts() RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $marts$
BEGIN
    -- all or none are there: they are made together
    IF to_regclass('olist_dw.mart_review_by_delay') IS NOT NULL THEN
        RETURN 0;
    END IF;

    CREATE OR REPLACE VIEW olist_dw.mart_monthly_sales AS
    WITH monthly AS (
        SELECT d.month_start AS month,
               count(*) AS orders,
               sum(o.item_count) AS items,
               sum(o.payment_total) AS revenue,
               sum(o.price_total) AS price,
               sum(o.freight_total) AS freight
        FROM olist_dw.fact_order o
        JOIN olist_dw.dim_date d ON d.date_key = o.purchase_date_key
        GROUP BY d.month_start
    )
    SELECT month,
           orders,
           items,
           revenue,
           price,
           freight,
           round(revenue / orders, 2) AS average_ticket,
           CASE WHEN lag(month) OVER by_month = month - interval '1 month'
                THEN round(revenue / nullif(lag(revenue) OVER by_month, 0) - 1, 4)
           END AS growth
    FROM monthly
    WINDOW by_month AS (ORDER BY month)
    ORDER BY month;
    COMMENT ON VIEW olist_dw.mart_monthly_sales IS
        'Orders of each month of purchase, whatever became of them. Revenue is the sum of payments; growth is its change against the calendar month before, NULL if that had no orders';

    CREATE OR REPLACE VIEW olist_dw.mart_state_sales AS
    SELECT coalesce(c.state, 'unknown') AS state,
           coalesce(c.region, 'unknown') AS region,
           count(*) AS orders,
           count(DISTINCT c.customer_unique_id) AS customers,
           sum(o.item_count) AS items,
           sum(o.payment_total) AS revenue,
           sum(o.price_total) AS price,
           sum(o.freight_total) AS freight,
           round(sum(o.payment_total) / count(*), 2) AS average_ticket,
           round(sum(o.payment_total) / nullif(sum(sum(o.payment_total)) OVER (), 0), 4)
               AS revenue_share
    FROM olist_dw.fact_order o
    JOIN olist_dw.dim_customer c ON c.customer_key = o.customer_key
    GROUP BY c.state, c.region
    ORDER BY revenue DESC, state;
    COMMENT ON VIEW olist_dw.mart_state_sales IS
        'Orders by the state in which the customer lived at purchase';

    CREATE OR REPLACE VIEW olist_dw.mart_category_sales AS
    WITH order_category AS (
        SELECT p.category,
               p.category_english,
               i.order_key,
               count(*) AS items,
               sum(i.price) AS price,
               sum(i.freight) AS freight
        FROM olist_dw.fact_order_item i
        JOIN olist_dw.dim_product p ON p.product_key = i.product_key
        GROUP BY p.category, p.category_english, i.order_key
    )
    SELECT c.category,
           c.category_english,
           count(*) AS orders,
           sum(c.items) AS items,
           sum(c.price) AS price,
           sum(c.freight) AS freight,
           round(sum(c.price) / sum(c.items), 2) AS average_price,
           round(sum(c.price) / nullif(sum(sum(c.price)) OVER (), 0), 4) AS price_share,
           round(avg(o.review_score), 4) AS average_review_score
    FROM order_category c
    JOIN olist_dw.fact_order o ON o.order_key = c.order_key
    GROUP BY c.category, c.category_english
    ORDER BY price DESC, category;
    COMMENT ON VIEW olist_dw.mart_category_sales IS
        'Items by product category. An order counts once in each category that it has items of; the review score is the average over those orders';

    CREATE OR REPLACE VIEW olist_dw.mart_delivery_performance AS
    SELECT coalesce(c.state, 'unknown') AS state,
           coalesce(c.region, 'unknown') AS region,
           d.month_start AS month,
           count(*) AS delivered,
           count(*) FILTER (WHERE o.is_late) AS late,
           count(*) FILTER (WHERE o.is_late_day) AS late_by_day,
           round(count(*) FILTER (WHERE o.is_late_day)::numeric / count(*), 4) AS late_by_day_share,
           round(avg(o.delivery_days)::numeric, 2) AS average_days,
           round(percentile_cont(0.9) WITHIN GROUP (ORDER BY o.delivery_days)::numeric, 2)
               AS p90_days,
           round(avg(o.estimate_days)::numeric, 2) AS average_estimate_days
    FROM olist_dw.fact_order o
    JOIN olist_dw.dim_order_status s ON s.order_status_key = o.order_status_key
    JOIN olist_dw.dim_customer c ON c.customer_key = o.customer_key
    JOIN olist_dw.dim_date d ON d.date_key = o.purchase_date_key
    WHERE s.order_status = 'delivered'
      AND o.delivered_at IS NOT NULL
    GROUP BY c.state, c.region, d.month_start
    ORDER BY state, month;
    COMMENT ON VIEW olist_dw.mart_delivery_performance IS
        'Delivered orders with a delivery date, by the customer''s state and the month of purchase. late counts by timestamp (the promise is midnight, so arrivals on the promised day are late), late_by_day by calendar day';

    CREATE OR REPLACE VIEW olist_dw.mart_seller_scorecard AS
    WITH sale AS (
        SELECT s.seller_id,
               i.order_key,
               count(*) AS items,
               sum(i.price) AS price,
               sum(i.freight) AS freight,
               avg(i.distance_km) AS distance_km
        FROM olist_dw.fact_order_item i
        JOIN olist_dw.dim_seller s ON s.seller_key = i.seller_key
        GROUP BY s.seller_id, i.order_key
    )
    SELECT s.seller_id,
           s.city,
           s.state,
           count(*) AS orders,
           sum(sale.items) AS items,
           sum(sale.price) AS price,
           sum(sale.freight) AS freight,
           round(avg(o.review_score), 4) AS average_review_score,
           count(o.is_late_day) AS delivered,
           round(count(*) FILTER (WHERE o.is_late_day)::numeric / nullif(count(o.is_late_day), 0), 4)
               AS late_by_day_share,
           round(avg(o.handling_days)::numeric, 2) AS average_handling_days,
           round(avg(sale.distance_km)::numeric, 1) AS average_distance_km,
           min(o.purchased_at) AS first_sale_at,
           max(o.purchased_at) AS last_sale_at,
           rank() OVER (ORDER BY sum(sale.price) DESC) AS price_rank
    FROM sale
    JOIN olist_dw.fact_order o ON o.order_key = sale.order_key
    LEFT JOIN olist_dw.dim_seller s ON s.seller_id = sale.seller_id AND s.is_current
    GROUP BY s.seller_id, s.city, s.state
    ORDER BY price DESC, seller_id;
    COMMENT ON VIEW olist_dw.mart_seller_scorecard IS
        'What each seller sold and how it was delivered and reviewed. An order counts once for each of its sellers, with its score and dates as a whole; place as in the current version';

    CREATE OR REPLACE VIEW olist_dw.mart_customer_rfm AS
    WITH reference AS (
        SELECT max(purchased_at)::date + 1 AS reference_date
        FROM olist_dw.fact_order
        WHERE isfinite(purchased_at)
    ), person AS (
        SELECT c.customer_unique_id,
               max(o.purchased_at)::date AS last_purchase,
               count(*) AS frequency,
               sum(o.payment_total) AS monetary
        FROM olist_dw.fact_order o
        JOIN olist_dw.dim_customer c ON c.customer_key = o.customer_key
        WHERE c.customer_key <> -1
          AND isfinite(o.purchased_at)
        GROUP BY c.customer_unique_id
    )
    SELECT p.customer_unique_id,
           r.reference_date,
           r.reference_date - p.last_purchase AS recency_days,
           p.frequency,
           p.monetary,
           ntile(5) OVER (ORDER BY p.last_purchase, p.customer_unique_id)
               AS recency_score,
           ntile(5) OVER (ORDER BY p.frequency, p.customer_unique_id)
               AS frequency_score,
           ntile(5) OVER (ORDER BY p.monetary, p.customer_unique_id)
               AS monetary_score
    FROM person p
    CROSS JOIN reference r;
    COMMENT ON VIEW olist_dw.mart_customer_rfm IS
        'Recency, frequency and monetary value of each person at the day after the last purchase in the warehouse. Scores are fifths, 5 is best; of equals the greater customer_unique_id is the better, so that the scores are the same every time';

    CREATE OR REPLACE VIEW olist_dw.mart_cohort_retention AS
    WITH purchase AS (
        SELECT DISTINCT c.customer_unique_id,
               d.month_start AS month
        FROM olist_dw.fact_order o
        JOIN olist_dw.dim_customer c ON c.customer_key = o.customer_key
        JOIN olist_dw.dim_date d ON d.date_key = o.purchase_date_key
        WHERE c.customer_key <> -1
          AND d.month_start IS NOT NULL
    ), active AS (
        SELECT min(month) OVER (PARTITION BY customer_unique_id) AS cohort_month,
               month
        FROM purchase
    ), counted AS (
        SELECT cohort_month,
               (extract(year FROM age(month, cohort_month)) * 12
                + extract(month FROM age(month, cohort_month)))::integer AS months_later,
               count(*) AS customers
        FROM active
        GROUP BY cohort_month, month
    )
    SELECT cohort_month,
           months_later,
           customers,
           max(customers) FILTER (WHERE months_later = 0) OVER cohort AS cohort_size,
           round(customers::numeric
                 / max(customers) FILTER (WHERE months_later = 0) OVER cohort, 4) AS retention
    FROM counted
    WINDOW cohort AS (PARTITION BY cohort_month)
    ORDER BY cohort_month, months_later;
    COMMENT ON VIEW olist_dw.mart_cohort_retention IS
        'Of the persons whose first purchase was in a month, how many purchased so many months later; months without any are not listed';

    CREATE OR REPLACE VIEW olist_dw.mart_payment_mix AS
    SELECT t.payment_type,
           count(*) AS payments,
           count(DISTINCT p.order_key) AS orders,
           sum(p.value) AS value,
           round(sum(p.value) / nullif(sum(sum(p.value)) OVER (), 0), 4) AS value_share,
           round(avg(p.value), 2) AS average_value,
           round(avg(p.installments), 2) AS average_installments,
           max(p.installments) AS max_installments
    FROM olist_dw.fact_payment p
    JOIN olist_dw.dim_payment_type t ON t.payment_type_key = p.payment_type_key
    GROUP BY t.payment_type
    ORDER BY value DESC, payment_type;
    COMMENT ON VIEW olist_dw.mart_payment_mix IS
        'Payments by type. An order counts once for each type that it was paid with';

    CREATE OR REPLACE VIEW olist_dw.mart_review_by_delay AS
    WITH delivered AS (
        SELECT o.delivered_at::date - o.estimated_at::date AS days_late,
               o.review_score
        FROM olist_dw.fact_order o
        JOIN olist_dw.dim_order_status s ON s.order_status_key = o.order_status_key
        WHERE s.order_status = 'delivered'
          AND isfinite(o.delivered_at)
          AND isfinite(o.estimated_at)
    ), bucket (number, name, from_day, to_day) AS (
        VALUES (1, '15 days early or more', -2147483648, -15),
               (2, '8 to 14 days early', -14, -8),
               (3, '1 to 7 days early', -7, -1),
               (4, 'on the promised day', 0, 0),
               (5, '1 to 3 days late', 1, 3),
               (6, '4 to 7 days late', 4, 7),
               (7, '8 to 14 days late', 8, 14),
               (8, '15 days late or more', 15, 2147483647)
    )
    SELECT b.number AS bucket,
           b.name AS delay,
           count(d.days_late) AS orders,
           count(d.review_score) AS reviewed,
           round(avg(d.review_score), 4) AS average_score,
           round(count(*) FILTER (WHERE d.review_score = 1)::numeric
                 / nullif(count(d.review_score), 0), 4) AS one_star_share,
           round(count(*) FILTER (WHERE d.review_score = 5)::numeric
                 / nullif(count(d.review_score), 0), 4) AS five_star_share
    FROM bucket b
    LEFT JOIN delivered d ON d.days_late BETWEEN b.from_day AND b.to_day
    GROUP BY b.number, b.name
    ORDER BY b.number;
    COMMENT ON VIEW olist_dw.mart_review_by_delay IS
        'The latest review''s score of delivered orders, by how many days after the promised day they came';

    RETURN 9;
END
$marts$;
COMMENT ON FUNCTION olist_etl.create_marts() IS
    'Create the marts, views over the warehouse in olist_dw, if they are missing; returns how many were made';
