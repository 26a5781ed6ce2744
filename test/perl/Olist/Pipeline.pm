# What the tests of whole runs share: a cluster whose source is a directory with
# a generated data set, and questions about the warehouse.
#
#     my $pipeline = Olist::Pipeline->new($node, scale => 0.01);
#     is($pipeline->run->{status}, 'SUCCEEDED', '...');
#     is($pipeline->warehouse, $before, 'the warehouse is what it was');
package Olist::Pipeline;

use strict;
use warnings;

use File::Copy qw(copy);
use Olist;
use PostgreSQL::Test::Utils;

sub new
{
	my ($class, $node, %param) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir() . '/source';
	generate({ node => $node }, $directory, %param);
	return $class->over($node, $directory);
}

# Over files that are there, in database postgres unless another is named.
sub over
{
	my ($class, $node, $directory, $database) = @_;
	$database //= 'postgres';
	$node->safe_psql($database, "SELECT olist_etl.set_source('$directory')");
	return bless { node => $node, directory => $directory, database => $database }, $class;
}

# The same, of another database of the cluster.
sub in
{
	my ($self, $database) = @_;
	return bless { %$self, database => $database }, ref $self;
}

sub directory { return $_[0]{directory}; }

# A data set of that scale (and seed, and split) in a directory.
sub generate
{
	my ($self, $directory, %param) = @_;
	my $arguments = join ', ', map { "$_ => '$param{$_}'" } sort keys %param;
	return $self->{node}->safe_psql('postgres', qq{
		SELECT sum(rows) FROM olist_etl.generate_sample('$directory', overwrite => true
			@{[ $arguments ? ", $arguments" : '' ]})});
}

# CALL olist_etl.run(), with its messages; the row that it leaves in olist_etl.run
# and how long it took.
sub run
{
	my ($self, $arguments) = @_;
	my ($status, $out, $err) = $self->{node}->psql($self->{database},
		'CALL olist_etl.run(' . ($arguments // '') . ')');
	my %run = (messages => $err);
	@run{qw(status error cause rows rejects)} = split /\x1F/, $self->{node}->safe_psql(
		$self->{database}, q{
			SELECT concat_ws(E'\x1F', r.status, coalesce(r.error, ''),
			                 coalesce(replace(r.cause, E'\n', ' '), ''),
			                 coalesce(sum(t.rows), 0), coalesce(sum(t.rejects), 0))
			FROM olist_etl.run r LEFT JOIN olist_etl.task t USING (run_id)
			GROUP BY r.run_id ORDER BY r.run_id DESC LIMIT 1});
	return \%run;
}

# Everything that is visible in the warehouse, as one line: counts, sums and a
# hash of what the facts say, without surrogate keys.
sub warehouse
{
	my ($self) = @_;
	return 'none'
	  if $self->{node}->safe_psql($self->{database}, q{SELECT to_regclass('olist_dw.fact_order') IS NULL}) eq 't';
	return $self->{node}->safe_psql($self->{database}, q{
		SELECT concat_ws(' ',
			(SELECT format('orders %s (%s)', count(*), sum(hashtextextended(concat_ws(',', f.order_id,
					c.customer_unique_id, g.zip_code_prefix, s.order_status, f.purchased_at,
					f.delivered_at, f.item_count, f.price_total, f.payment_total, f.review_score), 0)))
			   FROM olist_dw.fact_order f
			   JOIN olist_dw.dim_customer c USING (customer_key)
			   JOIN olist_dw.dim_geography g ON g.geography_key = f.customer_geography_key
			   JOIN olist_dw.dim_order_status s USING (order_status_key)),
			(SELECT format('items %s (%s)', count(*), sum(hashtextextended(concat_ws(',', o.order_id,
					i.order_item_id, p.product_id, s.seller_id, i.price, i.freight, i.distance_km), 0)))
			   FROM olist_dw.fact_order_item i
			   JOIN olist_dw.fact_order o USING (order_key)
			   JOIN olist_dw.dim_product p USING (product_key)
			   JOIN olist_dw.dim_seller s USING (seller_key)),
			(SELECT format('payments %s %s', count(*), sum(value))
			   FROM olist_dw.fact_payment JOIN olist_dw.fact_order USING (order_key)),
			(SELECT format('reviews %s (%s)', count(*), sum(hashtextextended(concat_ws(',', o.order_id,
					r.review_id, r.score, r.title, r.message, r.answered_at), 0)))
			   FROM olist_dw.fact_review r JOIN olist_dw.fact_order o USING (order_key)))});
}

# The rest of it, in the same way: customers' versions, places, and what the marts
# say.
sub dimensions
{
	my ($self) = @_;
	return $self->{node}->safe_psql($self->{database}, q{
		SELECT concat_ws(' ',
			(SELECT format('customers %s (%s)', count(*), sum(hashtextextended(concat_ws(',',
					customer_unique_id, zip_code_prefix, city, state, valid_from, valid_to, is_current, version), 0)))
			   FROM olist_dw.dim_customer),
			(SELECT format('places %s (%s)', count(*), sum(hashtextextended(concat_ws(',',
					zip_code_prefix, city, state, region, latitude, longitude, point_count, outlier_count), 0)))
			   FROM olist_dw.dim_geography),
			(SELECT format('products %s (%s)', count(*), sum(hashtextextended(concat_ws(',',
					product_id, category, category_english, weight_g, volume_cm3, is_inferred), 0)))
			   FROM olist_dw.dim_product),
			(SELECT format('sellers %s (%s)', count(*), sum(hashtextextended(concat_ws(',',
					seller_id, zip_code_prefix, city, state, is_inferred), 0)))
			   FROM olist_dw.dim_seller),
			(SELECT sum(hashtextextended(m::text, 0)) FROM olist_dw.mart_monthly_sales m),
			(SELECT sum(hashtextextended(m::text, 0)) FROM olist_dw.mart_delivery_performance m))});
}

# "all sums agree", or what does not: the facts among each other, and with
# what COPY reads from the files of the source.
sub agreement
{
	my ($self) = @_;
	return $self->{node}->safe_psql($self->{database}, qq{
		CREATE TEMP TABLE source_item (order_id text, n int, product text, seller text, until timestamp,
			price numeric, freight numeric);
		COPY source_item FROM '$self->{directory}/olist_order_items_dataset.csv' (FORMAT csv, HEADER);
		CREATE TEMP TABLE source_payment (order_id text, n int, type text, installments int, value numeric);
		COPY source_payment FROM '$self->{directory}/olist_order_payments_dataset.csv' (FORMAT csv, HEADER);
		SELECT coalesce(string_agg(format('%s: %s', what, figures), '; '), 'all sums agree')
		FROM (VALUES
			('price', ARRAY[(SELECT sum(price) FROM source_item), (SELECT sum(price) FROM olist_dw.fact_order_item),
				(SELECT sum(price_total) FROM olist_dw.fact_order), (SELECT sum(price) FROM olist_dw.mart_monthly_sales)]),
			('freight', ARRAY[(SELECT sum(freight) FROM source_item), (SELECT sum(freight) FROM olist_dw.fact_order_item),
				(SELECT sum(freight_total) FROM olist_dw.fact_order), (SELECT sum(freight) FROM olist_dw.mart_monthly_sales)]),
			('items', ARRAY[(SELECT count(*) FROM source_item), (SELECT count(*) FROM olist_dw.fact_order_item),
				(SELECT sum(item_count) FROM olist_dw.fact_order), (SELECT sum(items) FROM olist_dw.mart_monthly_sales)]),
			('payments', ARRAY[(SELECT sum(value) FROM source_payment), (SELECT sum(value) FROM olist_dw.fact_payment),
				(SELECT sum(payment_total) FROM olist_dw.fact_order), (SELECT sum(revenue) FROM olist_dw.mart_monthly_sales)]))
			AS v (what, figures)
		WHERE figures[1] IS NULL OR figures[1] <> ALL (figures) OR NOT figures[1] = ALL (figures)});
}

# Processes of runs that are still there.
sub workers
{
	my ($self) = @_;
	return $self->{node}->safe_psql($self->{database},
		q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'olist_etl%'});
}

# Back to a database in which nothing has been loaded.
sub forget_everything
{
	my ($self) = @_;
	$self->{node}->safe_psql($self->{database}, 'DROP EXTENSION olist_etl CASCADE;
		DROP SCHEMA olist_staging, olist_dw CASCADE;
		CREATE EXTENSION olist_etl');
	return;
}

# Gives each file of the source a new version with the same contents.
sub touch
{
	my ($self) = @_;
	$self->{version} //= time - 1_000_000;
	$self->{version}++;
	utime $self->{version}, $self->{version}, glob("$self->{directory}/*") or die $!;
	return;
}

# Replaces a file of the source by CONTENT, or takes it away (undef).
sub write_file
{
	my ($self, $name, $content) = @_;
	my $path = "$self->{directory}/$name";
	if (!defined $content)
	{
		unlink $path or die "$path: $!";
		return;
	}
	open my $file, '>:raw', "$path.new" or die $!;
	print $file $content;
	close $file or die $!;
	chmod 0644, "$path.new" or die $!;
	rename "$path.new", $path or die $!;
	return;
}

1;
