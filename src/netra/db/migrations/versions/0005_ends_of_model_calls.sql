-- Requests to models that nobody waits for any more, and those that end in an error which says nothing of the model.
ALTER TABLE model_call DROP CONSTRAINT model_call_status_check;
ALTER TABLE model_call ADD CONSTRAINT model_call_status_check
CHECK (status IN ('ok', 'timed_out', 'rate_limited', 'unreachable', 'unavailable', 'cut_off', 'invalid', 'declined', 'rejected',
                  'cancelled', 'failed'));

-- A run that has ended asks no more.
UPDATE model_call SET status = 'cancelled'
WHERE status IS NULL
  AND NOT EXISTS (
      SELECT FROM run
      WHERE run.user_id = model_call.user_id AND run.id = model_call.run_id AND run.state IN ('queued', 'running', 'waiting')
  );
