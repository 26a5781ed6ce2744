# State machine executions that were recorded on AWS, and how to compare ours
# with them.
#
#     my $cases = recorded_cases("$shared/asl/executions/pure.jsonl");
#     my $mocks = mocks_of($case);            # what its tasks answered
#     my $why = history_difference($case->{events}, $our_events);
#
# What AWS made up anew for every execution stands in the recordings as a
# placeholder, "<uuid:1>" or one of a few words: it matches anything.
package Olist::Recorded;

use strict;
use warnings;

use Encode qw(encode_utf8);
use Exporter 'import';
use JSON::PP;

our @EXPORT = qw(recorded_cases mocks_of matches history_difference comparable_history);

my $placeholder = qr/^(?:date|timestamp|entered-time|start-time|bucket-name|lambda_function_name
	|RandomNumberGenerated)$/x;
my $json = JSON::PP->new->utf8->allow_nonref->canonical;

# The cases of FILE, each with its own text in {line}.
sub recorded_cases
{
	my ($file) = @_;
	my @cases;

	open my $in, '<', $file or die "$file: $!";
	while (my $line = <$in>)
	{
		my $case = $json->decode($line);
		$case->{line} = $line;
		push @cases, $case;
	}
	close $in;
	return \@cases;
}

# ---------- mocks ----------

# Lambda functions' events are a task's events under other names.
sub task_type
{
	my ($type) = @_;
	$type =~ s/^LambdaFunction/Task/;
	return $type;
}

# The answer that a recorded outcome of a task stands for.
sub answer_of
{
	my ($event) = @_;
	my $type = task_type($event->{type});
	my ($details) = grep { ref $_ eq 'HASH' } values %$event;

	return { Return => $details->{output} } if $type eq 'TaskSucceeded';

	# the state's own timeout must end it
	return { Return => {}, Seconds => 1e6 } if $type eq 'TaskTimedOut';

	# the bound on results must find it
	return { Return => 'x' x (256 * 1024) }
	  if ($details->{error} // '') eq 'States.DataLimitExceeded';
	my %thrown;
	$thrown{Error} = $details->{error} if defined $details->{error};
	$thrown{Cause} = ref $details->{cause} ? $json->encode($details->{cause}) : $details->{cause}
	  if defined $details->{cause};
	return { Throw => \%thrown };
}

# What the tasks and readers of CASE answered, as simulate() takes it.
sub mocks_of
{
	my ($case) = @_;
	my %event = map { $_->{id} => $_ } grep { !ref $_->{id} } @{ $case->{events} // [] };
	my (%mocks, %outcomes);

	foreach my $event (values %event)
	{
		next unless task_type($event->{type}) =~ /^Task(Succeeded|Failed|TimedOut)$/;
		my $at = $event;
		my $scheduled;
		while ($at && $at->{type} ne 'TaskStateEntered')
		{
			$scheduled //= $at->{id} if task_type($at->{type}) eq 'TaskScheduled';
			$at = $event{ $at->{previousEventId} };
		}
		my $name = $at->{stateEnteredEventDetails}{name};
		push @{ $outcomes{$name} }, [ $scheduled, answer_of($event) ];
	}
	while (my ($name, $list) = each %outcomes)
	{
		my $n = 0;
		$mocks{$name}{ $n++ } = $_->[1] foreach sort { $a->[0] <=> $b->[0] } @$list;
	}

	# an execution without a history: the function that raises always does
	if (!$case->{events} && $case->{line} =~ /raise_exception\.py/)
	{
		my ($cause) = $json->encode($case->{expected}) =~ /"Cause":"((?:[^"\\]|\\.)*)"/;
		$mocks{ (keys %{ $case->{definition}{States} })[$_] } =
		  { '0-9' => { Throw => { Error => 'Exception', Cause => $json->decode("\"$cause\"") } } }
		  foreach 0 .. 1;
	}

	# a distributed Map's tasks are not in its history: all of them answer with their payload
	my %resources = map { $_ => 1 } $case->{line} =~ /"Resource": "(arn:[^"]*)"/g;
	$mocks{$_} = { '0-1000' => { 'Return.$' => '$' } }
	  foreach grep { /:lambda:/ } keys %resources;
	$mocks{"s3://$_->{Bucket}/$_->{Key}"} = { '0-1000' => { Return => $_->{Body} } }
	  foreach @{ $case->{s3} // [] };
	$mocks{'$abort'} = 1 if $case->{expected}{status} eq 'ABORTED';
	$mocks{'$$'} = {
		Execution => {
			Id => 'arn:aws:states:r:111111111111:execution:m:e',
			Name => '<ExecArnPart_0idx>',
			RoleArn => 'snf_role_arn',
			StartTime => '<start>'
		},
		StateMachine => { Id => 'arn:aws:states:r:111111111111:stateMachine:m', Name => '<ArnPart_0idx>' }
	};
	return \%mocks;
}

# ---------- comparing values ----------

sub is_number
{
	my ($value) = @_;
	return !ref $value && $json->encode($value) =~ /^-?[0-9]/;
}

# Is the value what was RECORDED, placeholders aside? Text that is JSON stands
# in some recordings as the value that it describes.
sub matches
{
	my ($recorded, $value) = @_;

	if (ref $recorded eq 'HASH')
	{
		$value = eval { $json->decode($value) } if defined $value && !ref $value;
		return 0 unless ref $value eq 'HASH' && keys %$recorded == keys %$value;
		return !grep { !exists $value->{$_} || !matches($recorded->{$_}, $value->{$_}) }
		  keys %$recorded;
	}
	if (ref $recorded eq 'ARRAY')
	{
		$value = eval { $json->decode($value) } if defined $value && !ref $value;
		return 0 unless ref $value eq 'ARRAY' && @$recorded == @$value;
		return !grep { !matches($recorded->[$_], $value->[$_]) } 0 .. $#$recorded;
	}
	return !defined $value unless defined $recorded;
	return 0 unless defined $value;
	return ref $value && $json->encode($recorded) eq $json->encode($value) if ref $recorded;
	return 1 if $recorded =~ $placeholder;
	if (ref $value && !JSON::PP::is_bool($value) && $recorded =~ /^[\[\{]/)
	{
		my $read = eval { $json->decode(encode_utf8($recorded)) };
		return ref $read && matches($read, $value);
	}
	return 0 if ref $value && !JSON::PP::is_bool($value) && $recorded !~ /^<.*>$/;
	return $recorded == $value if is_number($recorded) && is_number($value);
	return 1 if $recorded eq $value;

	# a cause that is JSON: AWS's spelling of it is no matter
	if ($recorded =~ /^\{/ && !ref $value && $value =~ /^\{/)
	{
		my ($a, $b) = map { my $text = $_; eval { $json->decode(encode_utf8($text)) } } $recorded, $value;
		return matches($a, $b) if ref $a && ref $b;
	}
	return 0 unless $recorded =~ /<[^<>]+>/;
	my $pattern = join '.*', map { quotemeta } split /<[^<>]+>/, $recorded, -1;
	return (ref $value ? $json->encode($value) : $value) =~ /^$pattern$/s;
}

# ---------- comparing histories ----------

# An event reduced to what both sides have: type, state, input and output, error.
sub reduced
{
	my ($event) = @_;
	my $type = task_type($event->{type});
	my ($details) = map { $event->{$_} } grep { /EventDetails$/ } keys %$event;
	my %kept = %{ $details // {} };

	$kept{parameters} = delete $kept{input} if $type eq 'TaskScheduled' && exists $kept{input};
	delete @kept{qw(resource resourceType region roleArn mapRunArn inputDetails outputDetails)};
	return {
		id => $event->{id},
		previous => $event->{previousEventId},
		type => $type,
		details => \%kept
	};
}

# Our events without those that AWS keeps in the histories of child executions.
sub comparable_history
{
	my ($events) = @_;
	my (%hidden, @kept);
	my %distributed = map { $_->{previousEventId} => 1 } grep { $_->{type} eq 'MapRunStarted' } @$events;

	foreach my $event (@$events)
	{
		my $scope = $event->{scope};
		if ($scope && ($distributed{$scope} || $hidden{$scope}))
		{
			$hidden{ $event->{id} } = 1;
			next;
		}
		push @kept, $event;
	}
	return \@kept;
}

sub describe
{
	my ($event) = @_;
	return "$event->{type} " . substr($json->encode($event->{details}), 0, 300);
}

# Do the events that follow FROM in OURS match those that follow it in RECORDED?
# Which of two branches came first is left to chance on AWS.
sub branch_difference
{
	my ($recorded, $ours, $recorded_from, $ours_from) = @_;
	my @left = @{ $ours->{$ours_from} // [] };

	foreach my $event (@{ $recorded->{$recorded_from} // [] })
	{
		my ($found, $why);
		foreach my $i (0 .. $#left)
		{
			next
			  unless $left[$i]{type} eq $event->{type} && matches($event->{details}, $left[$i]{details});
			$why = branch_difference($recorded, $ours, $event->{id}, $left[$i]{id});
			next if $why;
			$found = $i;
			last;
		}
		return $why // 'not there: ' . describe($event) unless defined $found;
		splice @left, $found, 1;
	}
	return @left ? 'not recorded: ' . describe($left[0]) : undef;
}

# What distinguishes our events from the recorded ones, each compared along its
# chain of previousEventId; undef if nothing does.
sub history_difference
{
	my ($recorded, $ours) = @_;
	my @recorded = map { reduced($_) } @$recorded;
	my @ours = map { reduced($_) } @{ comparable_history($ours) };
	my (%recorded_after, %ours_after);

	# recordings of Parallel had their numbers taken away: what is left is which events there were
	if (grep { ref $_->{id} } @recorded)
	{
		@ours = grep { $_->{type} ne 'ParallelStateSucceeded' } @ours;
		$_->{previous} = 0, $_->{id} = -1 foreach @recorded, @ours;
	}

	# which event MapStateExited of a distributed Map follows is left to chance on
	# AWS: the same machine was recorded with one and with the other
	foreach my $events (\@recorded, \@ours)
	{
		my %run = map { $_->{previous} => $_->{id} } grep { $_->{type} eq 'MapRunSucceeded' } @$events;
		$_->{previous} = $run{ $_->{previous} } // $_->{previous}
		  foreach grep { $_->{type} eq 'MapStateExited' } @$events;
	}
	push @{ $recorded_after{ $_->{previous} } }, $_ foreach @recorded;
	push @{ $ours_after{ $_->{previous} } }, $_ foreach @ours;
	return branch_difference(\%recorded_after, \%ours_after, 0, 0);
}

1;
