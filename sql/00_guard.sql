/* olist_etl: install script, assembled from the numbered parts under sql/ */

\echo Use "CREATE EXTENSION olist_etl" to load this file. \quit
