{{ stage('target_events', [
    ('project_id', 'project_id', 'bigint'),
    ('event_type', 'event_type', 'text'),
    ('event_category', 'event_category', 'text'),
    ('event_name', 'event_name', 'text'),
    ('description', 'description', 'text'),
]) }}
