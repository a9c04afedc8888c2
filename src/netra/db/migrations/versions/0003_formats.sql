-- The formats in which a usage log may come: mapped tables and objects, and the dialects of known tools.
ALTER TABLE dataset DROP CONSTRAINT dataset_format_check;
ALTER TABLE dataset ADD CONSTRAINT dataset_format_check
CHECK (format IN ('csv', 'jsonl', 'otlp', 'litellm', 'langfuse', 'openai', 'claude_code', 'burstgpt'));
