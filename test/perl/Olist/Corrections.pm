# A source in which anything may happen to objects, and what the warehouse must be
# after each step: what a first load of the objects that count gives.
#
#     my $model = Olist::Corrections->new($node, $directory);    # of nine files
#     $model->step foreach 1 .. 50;
#
# The model knows which versions of an object there have been, which is at the
# source, which the warehouse shows, and which were forgotten. Products and sellers
# are what all their versions have shown that were published since the object came,
# or came back; so a first load gets these as objects of their own.
package Olist::Corrections;

use strict;
use warnings;

use File::Basename qw(basename);
use File::Copy qw(copy);
use List::Util qw(shuffle);
use Olist;
use Olist::Flow;
use Olist::Pieces;
use Olist::Pipeline;
use Olist::Split;
use PostgreSQL::Test::Utils;
use Test::More;

# what may happen, and how often
my %weights = (
	change => 6, back => 4, gone => 2, add => 3, forget => 3, remember => 3, replay => 2, rebuild => 2, refused => 2,
	refused_and_gone => 2, run => 16, dry_run => 1, undone => 1, clean_up => 1, staged => 2, crash => 2, elsewhere => 1);

# of every run: rejects are what this is about, and do not stop it
my $input = '"allow_missing": true, "max_reject_percent": 100';

# where the server is stopped in a run
my @faults = qw(load-transferred load-finished star-built:4 star-publish star-published
  flow-task-commit-before:2 flow-end-commit-before);

sub new
{
	my ($class, $node, $directory, $seed) = @_;
	my $scratch = PostgreSQL::Test::Utils::tempdir();
	mkdir "$scratch/$_" or die $! foreach qw(source counted version);
	$node->safe_psql('postgres', 'CREATE DATABASE fresh');
	$node->safe_psql('fresh', 'CREATE EXTENSION olist_etl');
	my $self = bless {
		node => $node, scratch => $scratch, source => "$scratch/source", seed => $seed, steps => 0, time => {}, log => [],
		warehouse => Olist::Split->in($node, 'postgres'),
		fresh => Olist::Split->in($node, 'fresh'),
		version => {},    # by object: all that there have been
		present => {},    # ... the one at the source
		shown => {},      # ... those that count, the last of which is current
		forgotten => {},  # by version
	}, $class;
	$self->cut_source($directory);
	$self->{warehouse}->start_anew($self->{source});
	foreach my $name (@{ $self->{names} })
	{
		$self->put($name, $self->new_version($name, "$scratch/pool/$name")) if rand() < 0.6 || $name !~ /_\d\d/;
	}
	$self->do_run;
	$self->check_run('the first run');
	return $self;
}

# The rows, in three objects of each entity and three that correct them. Few points,
# and of some prefixes only.
sub cut_source
{
	my ($self, $directory) = @_;
	my $points = "$directory/olist_geolocation_dataset.csv";
	my ($header, @records) = read_object($points);
	write_object($points, $header, grep { /^"?(\d+)/ && int($1 / 7) % 3 && rand() < 0.2 } @records);
	correct_data_set($directory);
	my $cut = cut_data_set($directory, "$self->{scratch}/pool", at_random(3));
	$self->{names} = [ sort map { @$_ } values %{ $cut->{pieces} } ];
	return;
}

# Files contents away as a version of the object, at a time that no other has.
sub new_version
{
	my ($self, $name, $path) = @_;
	my $time;
	do { $time = 1_600_000_000 + int rand 10_000_000 } while $self->{time}{$time}++;
	my $version = { name => $name, time => $time, path => "$self->{scratch}/version/" . keys %{ $self->{time} } };
	copy($path, $version->{path}) or die "$path: $!";
	utime $time, $time, $version->{path} or die "$path: $!";
	push @{ $self->{version}{$name} }, $version;
	return $version;
}

# The version, as a file of DIRECTORY: the same file each time, as that is what tells versions apart.
sub write_version
{
	my ($version, $directory, $name) = @_;
	my $path = "$directory/" . ($name // $version->{name});
	unlink $path;
	link $version->{path}, $path or die "$path: $!";
	return;
}

# The version is at the source, anew or again.
sub put
{
	my ($self, $name, $version) = @_;
	write_version($version, $self->{source});
	$self->{present}{$name} = $version;
	return;
}

sub take_away
{
	my ($self, $name) = @_;
	unlink "$self->{source}/$name" or die "$name: $!";
	delete $self->{present}{$name};
	return;
}

sub any { my (@of) = @_; return $of[ rand @of ]; }

sub uri { my ($self, $name) = @_; return "file://$self->{source}/$name"; }

# Another version of the object: a snapshot that is as it was or nearly, or one of
# which much is not, with rows that are also in other objects, and with bad ones.
sub vary
{
	my ($self, $name) = @_;
	my $latest = $self->{version}{$name} ? $self->{version}{$name}[-1]{path} : "$self->{scratch}/pool/$name";
	my $whole = "$self->{scratch}/pool/$name";
	my $path = "$self->{scratch}/$name";
	my $how = any(qw(same nearly nearly half mixed mixed));
	if ($how eq 'half') { alter_object($whole, $path) }
	elsif ($how eq 'mixed')
	{
		my $entity = $name =~ s/_(later|dataset|translation).*//r;
		my ($header, @records) = read_object($whole);
		my (undef, @others) = read_object("$self->{scratch}/pool/" . any(grep { /^$entity/ } @{ $self->{names} }));
		@records = ((grep { rand() < 0.8 } @records), (grep { rand() < 0.2 } @others));
		@records = shuffle @records if rand() < 0.5;
		write_object($path, $header, @records);
	}
	else
	{
		copy($latest, $path) or die "$latest: $!";
		vary_object($path) if $how eq 'nearly';
	}
	spoil_object($path) if $how ne 'same' && rand() < 0.3;
	return ($how, $self->new_version($name, $path));
}

# one of the names at the source, or of those that are not there; undef if there are none
sub present { my ($self) = @_; return any(sort keys %{ $self->{present} }); }
sub absent { my ($self) = @_; return any(grep { !$self->{present}{$_} } @{ $self->{names} }); }

# is the object at the source, in a version that is not forgotten?
sub counts
{
	my ($self, $name) = @_;
	my $version = $self->{present}{$name};
	return $version && !$self->{forgotten}{ $version->{path} };
}

# CALL olist_etl.run() with that input, too; true if it succeeded
sub call_run
{
	my ($self, $more) = @_;
	$self->{run} = $self->{warehouse}{pipeline}->run("input => '{$input$more}'");
	return $self->{run}{status} eq 'SUCCEEDED';
}

# a run that must succeed, after which all that is at the source counts
sub do_run
{
	my ($self, $more) = @_;
	return unless $self->holds($self->call_run($more // ''), "the run succeeds: $self->{run}{cause}");
	foreach my $version (map { $self->{present}{$_} } grep { $self->counts($_) } keys %{ $self->{present} })
	{
		my $shown = $self->{shown}{ $version->{name} } //= [];
		push @$shown, $version unless @$shown && $shown->[-1] == $version;
	}
	return;
}

# a run that the gate refuses, if it comes to it
sub refused_run
{
	my ($self) = @_;
	$self->{warehouse}->sql(q{INSERT INTO olist_etl.check_rule (name, relation, aggregate, severity)
		VALUES ('refuse', 'fact_order', 'count(*) + 1', 'fail')});
	$self->call_run(any('', ', "rebuild": true'));
	$self->{warehouse}->sql(q{DELETE FROM olist_etl.check_rule WHERE name = 'refuse'});
	return;
}

# What counts, as objects of a directory: NAME, and for what else it has shown NAME_former_1, ...
sub write_counted
{
	my ($self) = @_;
	my $directory = "$self->{scratch}/counted";
	unlink glob "$directory/*";
	foreach my $shown (values %{ $self->{shown} })
	{
		my @versions = @$shown;
		my $current = pop @versions;
		write_version($current, $directory);
		next unless $current->{name} =~ /_(products|sellers)_/;
		my %seen = ($current->{path} => 1);
		foreach my $version (grep { !$seen{ $_->{path} }++ } @versions)
		{
			write_version($version, $directory, $version->{name} =~ s/\.csv$/"_former_$version->{time}.csv"/er);
		}
	}
	return $directory;
}

# Passes or fails a test, named by the step; nothing more is tested after a failure.
sub holds
{
	my ($self, $holds, $what) = @_;
	return 1 if $holds;
	$self->{failed}++;
	fail("OLIST_TEST_SEED=$self->{seed}, step $self->{steps}: $what");
	my @log = @{ $self->{log} };
	diag join "\n", 'the last steps:', @log > 12 ? @log[ -12 .. -1 ] : @log;
	return 0;
}

# The lines that only one of two lists has, a few of them.
sub difference
{
	my ($is, $should) = @_;
	my %count;
	$count{$_}++ foreach @$is;
	$count{$_}-- foreach @$should;
	my @lines = map { ($count{$_} > 0 ? 'is ' : 'should be ') . $_ } grep { $count{$_} } sort keys %count;
	return join "\n", @lines > 12 ? (@lines[ 0 .. 11 ], '... and ' . (@lines - 12) . ' more lines') : @lines;
}

# What is compared: all rows, but which objects have shown a product or seller,
# which the rows follow from; and the rejects, those of staging when that is done.
sub contents
{
	my ($self, $split, $is_done) = @_;
	return ((grep { !/^\w+_mention / } $split->rows),
		map { "rejects $_" } grep { $is_done || !/\|(invalid|object)\|/ } split /\n/, $split->rejects);
}

# The warehouse and the rejects are what a first load of what counts gives; nothing
# is staged that is not published, if all is done.
sub check
{
	my ($self, $what, $is_done) = @_;
	my ($warehouse, $fresh) = @$self{qw(warehouse fresh)};
	$fresh->start_anew($self->write_counted);
	$fresh->run;
	return unless $self->holds(!$fresh->{failed}, 'a first load succeeds');
	my @is = $self->contents($warehouse, $is_done);
	my $difference = difference(\@is, [ $self->contents($fresh, $is_done) ]);
	return unless $self->holds($difference eq '', "what $what makes is a first load's:\n$difference");
	my $wrong = $warehouse->sql('SELECT * FROM olist_etl.check()');
	return unless $self->holds($wrong eq '', "check() has nothing to say: $wrong");
	pass("step $self->{steps}, $what: " . @is . ' rows and kinds of rejects');
	return;
}

# Likewise, after a run, which leaves nothing to do.
sub check_run
{
	my ($self, $what) = @_;
	return if $self->{failed};
	$self->check($what, 1);
	return if $self->{failed};
	my $left = $self->{warehouse}->sql(q{
		SELECT concat_ws(' ', 'pending', uri, status) FROM olist_etl.pending() WHERE status NOT IN ('gone', 'forgotten')
		UNION ALL SELECT 'miscounted ' || uri FROM olist_etl.ledger
			WHERE is_current AND rows_loaded + rows_rejected <> rows_read});
	$self->holds($left eq '', "$what leaves nothing: $left");
	return;
}

sub step
{
	my ($self) = @_;
	return if $self->{failed};
	$self->{steps}++;
	my @chances = map { ($_) x $weights{$_} } sort keys %weights;
	my $what = any(@chances);
	my $method = "step_$what";
	my $done = $self->$method;
	push @{ $self->{log} }, "$self->{steps} $what" . ($done ? " $done" : '');
	return;
}

# the last word: what has changed since the last run is loaded
sub finish
{
	my ($self) = @_;
	return if $self->{failed};
	$self->do_run;
	$self->check_run('the last run');
	return;
}

sub step_change
{
	my ($self) = @_;
	my $name = any(@{ $self->{names} });
	my ($how, $version) = $self->vary($name);
	$self->put($name, $version);
	return "$name $how $version->{time}";
}

sub step_back
{
	my ($self) = @_;
	my $version = any(@{ $self->{version}{ any(sort keys %{ $self->{version} }) } });
	$self->put($version->{name}, $version);
	return "$version->{name} $version->{time}";
}

sub step_add
{
	my ($self) = @_;
	my $name = $self->absent or return;
	my ($how, $version) = $self->vary($name);
	$self->put($name, $version);
	return "$name $how $version->{time}";
}

sub step_gone
{
	my ($self) = @_;
	my $name = $self->present;
	return if keys %{ $self->{present} } < 10;
	$self->take_away($name);
	return $name;
}

# versions that are refused, until the object is gone or what it was
sub step_refused_and_gone
{
	my ($self) = @_;
	my $name = any(@{ $self->{names} });
	return if keys %{ $self->{present} } < 10;
	my @refused;
	foreach (1 .. 1 + rand 3)
	{
		my ($how, $version) = $self->vary($name);
		$self->put($name, $version);
		push @refused, $version->{time};
		$self->refused_run;
	}
	if ($self->{shown}{$name} && rand() < 0.3) { $self->put($name, $self->{shown}{$name}[-1]) }
	else { $self->take_away($name) }
	return "$name @refused";
}

sub step_refused { my ($self) = @_; $self->refused_run; return; }

sub step_forget
{
	my ($self) = @_;
	my @lines = split /\n/, $self->{warehouse}->sql(q{
		SELECT regexp_replace(uri, '.*/', ''), extract(epoch FROM last_modified)::bigint
		FROM olist_etl.ledger WHERE is_current ORDER BY uri});
	my ($name, $time) = split /\|/, any(@lines);
	$self->{warehouse}->sql("SELECT olist_etl.forget('@{[ $self->uri($name) ]}')");
	my ($version) = grep { $_->{time} == $time } @{ $self->{version}{$name} };
	$self->{forgotten}{ $version->{path} } = 1;
	delete $self->{shown}{$name};
	$self->check("forget $name $time");
	return "$name $time";
}

sub step_remember
{
	my ($self) = @_;
	my %names = map { $_->{name} => 1 } grep { $self->{forgotten}{ $_->{path} } } map { @$_ } values %{ $self->{version} };
	my $name = any(sort keys %names) or return;
	$self->{warehouse}->sql("SELECT olist_etl.remember('@{[ $self->uri($name) ]}')");
	delete $self->{forgotten}{ $_->{path} } foreach @{ $self->{version}{$name} };
	return $name;
}

sub step_replay
{
	my ($self) = @_;
	my $entity = any('NULL', "'order_items'", "'order_reviews'", "'orders'", "'customers'", "'sellers'");
	return "$entity " . $self->{warehouse}->sql("SELECT * FROM olist_etl.replay_rejects($entity)");
}

sub step_run
{
	my ($self) = @_;
	$self->do_run;
	$self->check_run('the run');
	return;
}

sub step_rebuild
{
	my ($self) = @_;
	# what is gone cannot be built again
	return 'not' if grep { !$self->{present}{$_} } keys %{ $self->{shown} };
	$self->do_run(', "rebuild": true');
	$self->check_run('the rebuild');
	return;
}

sub step_dry_run
{
	my ($self) = @_;
	my $told = $self->{warehouse}->sql("CALL olist_etl.run(input => '{$input}', dry_run => true)");
	$self->holds($told =~ /\|SUCCEEDED\|/, "a dry run succeeds: $told");
	return;
}

sub step_undone
{
	my ($self) = @_;
	$self->{warehouse}->sql("BEGIN; CALL olist_etl.run(input => '{$input}', atomic => true); ROLLBACK");
	return;
}

sub step_clean_up
{
	my ($self) = @_;
	$self->{warehouse}->sql(q{SET olist_etl.keep_runs = 0; SET olist_etl.keep_events = 0; SET olist_etl.keep_rejects = 0;
		CALL olist_etl.clean_up()});
	return;
}

# some of the batch is staged, and then no more
sub step_staged
{
	my ($self) = @_;
	$self->{warehouse}->sql(q{
		SELECT count(olist_etl.stage(o)) FROM (
			SELECT o FROM jsonb_array_elements(olist_etl.discover('{"allow_missing": true}') -> 'objects') o LIMIT 2) b});
	return;
}

# the server is stopped: between runs, or in one that has something to do
sub step_crash
{
	my ($self) = @_;
	my $fault = any('', @faults);
	my $node = $self->{node};
	if ($fault eq '')
	{
		$node->stop('immediate');
		$node->start;
		return 'between runs';
	}
	my $changed = $self->step_change;
	$self->{warehouse}->crash($fault);
	$self->do_run;
	$self->check_run("a run after a crash at $fault");
	return "$changed, $fault";
}

# What a source gave goes when it is set elsewhere; the next run loads what is there.
sub step_elsewhere
{
	my ($self) = @_;
	$self->{warehouse}->sql(q{SELECT olist_etl.set_source('sample://olist/')});
	if (rand() < 0.5)
	{
		$self->{warehouse}->sql('CALL olist_etl.run()');
		$self->{shown} = {};
	}
	$self->{warehouse}->sql("SELECT olist_etl.set_source('$self->{source}')");
	# what has not left the warehouse meanwhile is still known to have been shown
	delete $self->{shown}{$_} foreach grep { !$self->counts($_) } keys %{ $self->{shown} };
	$self->do_run;
	$self->check_run('the first run over a source that was set again');
	return;
}

1;
